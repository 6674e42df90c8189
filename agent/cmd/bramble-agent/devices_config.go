package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/bramble-cam/bramble/agent/internal/discover"
	"github.com/bramble-cam/bramble/internal/printable"
)

// maxLine is how long a line may be, in bytes.
const maxLine = 4 << 10

// defaultHub is where a hub on this host listens.
const defaultHub = "nats://127.0.0.1:4222"

// printConfig writes a configuration file that uses every camera of list.
func printConfig(w io.Writer, list []discover.Camera, s *settings) {
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // w is a buffer
	if s.Hub == defaultHub {
		line("# Where the hub is; without this line: on this host.")
		line("#hub: nats://HUB:4222")
	} else {
		line("hub: %s", quote(s.Hub))
	}
	line("")
	cameras, _ := splitUsable(list)
	if len(cameras) == 0 {
		line("# No camera was found. With this empty list every camera that is plugged in later is used.")
		line("camera: []")
		return
	}
	line("# NAME=SOURCE: change the names as you like (a-z, 0-9 and -). Without this list every camera found is used.")
	line("camera:")
	for i, c := range cameras {
		if i > 0 {
			line("")
		}
		line("  # %s, %s", oneLine(c.Title), c.Use.What)
		line("  - %s", quote(c.Name+"="+c.Use.Source))
		for _, other := range c.Alternatives {
			line("  # or %s: %s", other.What, other.Why)
			line("  #- %s", quote(c.Name+"="+other.Source))
		}
	}
}

// quote writes a YAML string.
func quote(text string) string { return "'" + strings.ReplaceAll(oneLine(text), "'", "''") + "'" }

// oneLine returns text as a comment can hold it: a camera may call itself what it likes.
func oneLine(text string) string { return printable.Line(text, maxLine) }
