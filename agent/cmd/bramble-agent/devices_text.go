package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/agent/internal/discover"
	"github.com/bramble-cam/bramble/shared/status"
)

const (
	lineWidth = 110
	indent    = 13 // of what stands behind a label
)

// printer writes the list for people.
type printer struct {
	verbose bool
	file    bool // the list is the comment of a configuration file
	out     bytes.Buffer
}

func (p *printer) print(w io.Writer, list []discover.Camera, s *settings) {
	cameras, skipped := splitUsable(list)
	p.summary(len(cameras), skipped)
	for _, c := range cameras {
		p.camera(c)
	}
	if len(skipped) > 0 {
		p.line("\nNot used:")
		p.skipped(skipped)
	}
	if len(cameras) > 0 {
		p.line("\nTo choose, and to name them yourself, use a configuration file: bramble-agent devices > agent.yaml")
		p.line("writes this one. Change it, and start with bramble-agent --config agent.yaml")
	}
	for text := range strings.Lines(p.out.String()) {
		text = strings.TrimRight(oneLine(text), " ")
		if p.file {
			text = strings.TrimRight("# "+text, " ")
		}
		_, _ = fmt.Fprintln(w, text) // w is a buffer
	}
	if len(cameras) > 0 || p.file {
		_, _ = fmt.Fprintln(w)
		printConfig(w, list, s)
	}
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(&p.out, format+"\n", args...) }

// summary says how many there are and, if there are none, what to do.
func (p *printer) summary(n int, skipped []discover.Camera) {
	denied := slices.ContainsFunc(skipped, discover.Camera.Permission)
	if n > 0 {
		found, them := fmt.Sprintf("%d cameras", n), "all of them"
		if n == 1 {
			found, them = "1 camera", "it"
		}
		p.line("%s found. Without any configuration, bramble-agent --hub nats://HUB:4222 publishes %s.", found, them)
		if denied {
			p.line("There may be more: this user may not open all devices (see below).")
		}
		return
	}
	p.line("No camera found.\n")
	if denied {
		p.field("permission",
			"this user may not open the devices below: sudo usermod -aG video $USER, then log out and in again")
	}
	p.field("USB camera",
		"plug it in and try again. If lsusb lists it and nothing appears here, Linux has no driver for it")
	p.field("Pi camera",
		"with the power off, push the ribbon cable in and close the latch at both ends; "+
			"rpicam-hello --list-cameras should list it then")
	if !denied {
		p.field("permission", "the user needs the group video: sudo usermod -aG video $USER, then log out and in again")
	}
	p.field("test card", "bramble-agent --camera 'test=pattern:' publishes one, for a start without a camera")
}

func (p *printer) camera(c discover.Camera) {
	p.line("\n%s", oneLine(c.Title))
	p.field("name", c.Name)
	p.field("use", c.Use.What+": "+c.Use.Why)
	p.field("source", c.Use.Source)
	for _, other := range c.Alternatives {
		p.field("or", other.What+": "+other.Why)
		p.field("", other.Source)
	}
	if c.Stable == c.Node {
		p.field("device", c.Node+" (has no name that is sure to stay)")
	} else {
		p.field("device", c.Stable)
	}
	for _, l := range c.Links {
		p.field("", l)
	}
	if c.Node != "" && c.Node != c.Stable {
		p.field("", c.Node+" (may be another one after the next start)")
	}
	if c.Kind == discover.RPiCam {
		p.formats("modes", c.Formats, "")
		return
	}
	p.field("driver", strings.TrimSuffix(c.Driver+", "+c.Bus, ", "))
	p.formats("formats", c.Formats, "Bramble takes MJPG, JPEG, H264, YUYV, NV12")
	p.controls(c.Controls)
}

// field writes a label and a text behind it, broken into lines. An empty label goes on with the field above.
func (p *printer) field(label, text string) {
	for i, part := range wrap(text, lineWidth-indent) {
		if i > 0 {
			label = ""
		}
		p.line("  %-*s%s", indent-2, label, part)
	}
}

// formats writes what the camera offers; without verbose only what can be used, if only is not empty.
func (p *printer) formats(label string, formats []discover.Format, only string) {
	others := 0
	for _, f := range formats {
		if only != "" && !p.verbose && !strings.Contains(only, f.Pixel) {
			others++
			continue
		}
		name := f.Pixel
		if p.verbose && f.Title != "" {
			name += " (" + oneLine(f.Title) + ")"
		}
		for i, part := range pack(name, sizes(f.Sizes), lineWidth-indent) {
			p.line("  %-*s%s%s", indent-2, label, strings.Repeat("  ", min(i, 1)), part)
			label = ""
		}
	}
	if others > 0 {
		p.field(label, fmt.Sprintf("%d more of no use here (%s; --verbose lists them)", others, only))
	}
}

// sizes writes sizes in short; those with the same rates stand together.
func sizes(list []discover.Size) (parts []string) {
	for len(list) > 0 {
		n := 1
		for n < len(list) && slices.Equal(list[n].Rates, list[0].Rates) {
			n++
		}
		var names []string
		for _, s := range list[:n] {
			name := fmt.Sprintf("%dx%d", s.Width, s.Height)
			if s.Stepped {
				name = "up to " + name
			}
			names = append(names, name)
		}
		part := strings.Join(names, ", ")
		if r := rates(list[0]); r != "" {
			part += " at " + r + " fps"
		}
		parts = append(parts, part)
		list = list[n:]
	}
	return parts
}

// pack puts parts behind a name, as many on a line as there is room for.
func pack(name string, parts []string, width int) []string {
	lines := []string{name}
	for i, part := range parts {
		last := &lines[len(lines)-1]
		if i > 0 {
			*last += ";"
		}
		if i > 0 && len(*last)+1+len(part) > width-2 {
			lines = append(lines, part)
			continue
		}
		*last += " " + part
	}
	return lines
}

func rates(s discover.Size) string {
	if s.Range() {
		return discover.Rate(s.Rates[1]) + " to " + discover.Rate(s.Rates[0])
	}
	var list []string
	for _, r := range s.Rates {
		list = append(list, discover.Rate(r))
	}
	return strings.Join(list, ",")
}

// controls writes how many there are, or each with its values.
func (p *printer) controls(list []status.Control) {
	if len(list) == 0 {
		return
	}
	if !p.verbose {
		text := fmt.Sprintf("%d (--verbose lists them)", len(list))
		if i := slices.IndexFunc(list, func(c status.Control) bool { return c.Name == "brightness" }); i >= 0 {
			text += fmt.Sprintf("; to set one, write for example &control.brightness=%d behind the source", list[i].Value)
		}
		p.field("controls", text)
		return
	}
	label := "controls"
	for _, c := range list {
		p.field(label, controlText(c))
		label = ""
	}
}

func controlText(c status.Control) string {
	var b strings.Builder
	b.WriteString(c.Name)
	switch c.Type {
	case "button":
		b.WriteString(": button")
	case "menu":
		var items []string
		for i, item := range c.Menu {
			if item != "" {
				items = append(items, fmt.Sprintf("%d (%s)", c.Min+int64(i), oneLine(item)))
			}
		}
		fmt.Fprintf(&b, "=%d: %s; default %d", c.Value, strings.Join(items, ", "), c.Default)
	case "bool":
		fmt.Fprintf(&b, "=%d: 0 or 1; default %d", c.Value, c.Default)
	default:
		fmt.Fprintf(&b, "=%d: %d to %d", c.Value, c.Min, c.Max)
		if c.Step > 1 {
			fmt.Fprintf(&b, " in steps of %d", c.Step)
		}
		fmt.Fprintf(&b, "; default %d", c.Default)
	}
	if c.Inactive {
		b.WriteString("; has no effect now, since another control decides")
	}
	return b.String()
}

// wrap breaks text at spaces into lines of at most width characters; what has no space stays whole.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
