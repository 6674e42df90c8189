package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/discover"
)

// progressDelay is how long a look may take before the user is told what goes on.
const progressDelay = 2 * time.Second

// devicesCommand is the command of that name. Its flags are no settings. What it prints into a file is a configuration
// file as it stands.
type devicesCommand struct {
	Verbose bool `help:"List all formats and controls." short:"v" env:"-"`
	JSON    bool `name:"json" help:"Print everything as JSON." env:"-"`

	find discover.Options
}

func (d *devicesCommand) run(ctx context.Context, s *settings, stdout, stderr io.Writer) error {
	d.find.Host = s.Host
	list, err := d.discover(ctx, stderr)
	if err != nil {
		return fmt.Errorf("looking for cameras: %w", err)
	}
	var out bytes.Buffer
	if d.JSON {
		if err := printJSON(&out, list); err != nil {
			return err
		}
	} else {
		p := printer{verbose: d.Verbose, file: !isTerminal(stdout)}
		p.print(&out, list, s)
	}
	_, err = stdout.Write(out.Bytes())
	return err
}

// isTerminal is true if people read what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(interface{ Stat() (os.FileInfo, error) })
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// discover finds the cameras. It says so on stderr if that takes long.
func (d *devicesCommand) discover(ctx context.Context, stderr io.Writer) ([]discover.Camera, error) {
	done := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-done:
		case <-time.After(progressDelay):
			// a courtesy
			_, _ = fmt.Fprintln(stderr, "Looking for cameras; a camera that does not answer can take some seconds ...")
		}
	})
	defer waiting.Wait()
	defer close(done)
	return discover.Cameras(ctx, d.find)
}

// printJSON writes the list for programs: what can be used, and what cannot.
func printJSON(w io.Writer, list []discover.Camera) error {
	cameras, skipped := splitUsable(list)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // sources have &
	enc.SetIndent("", "  ")
	return enc.Encode(struct {
		Cameras []discover.Camera `json:"cameras"`
		Skipped []discover.Camera `json:"skipped"`
	}{cameras, skipped})
}

// splitUsable parts the cameras from what is skipped; neither is nil.
func splitUsable(list []discover.Camera) (cameras, skipped []discover.Camera) {
	cameras, skipped = []discover.Camera{}, []discover.Camera{}
	for _, f := range list {
		if f.Use != nil {
			cameras = append(cameras, f)
		} else {
			skipped = append(skipped, f)
		}
	}
	return cameras, skipped
}
