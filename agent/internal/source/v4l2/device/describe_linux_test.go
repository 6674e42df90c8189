//go:build linux && cgo

package device

import (
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestDescribe holds Describe against v4l2-ctl, which asks the same drivers.
func TestDescribe(t *testing.T) {
	for _, tt := range []struct{ name, driver, card string }{
		{"vivid", "vivid", "vivid"},
		{"mjpeg", "v4l2 loopback", "Rig MJPEG"},
		{"h264", "v4l2 loopback", "Rig H264"},
		{"uvc", "uvcvideo", "Rig UVC Camera: Rig UVC Camera"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := camera(t, tt.name)
			before := testutil.TakeResourceSnapshot(t)
			about, err := Describe(path)
			if err != nil {
				t.Fatal(err)
			}
			before.CheckNoLeaks(t)
			if about.Node != path || about.Driver != tt.driver || about.Card != tt.card || about.Bus == "" || !about.Capture {
				t.Errorf("%+v", about)
			}
			wantSame(t, "formats", formatLines(t, about.Formats), v4l2Formats(t, path))
			wantSame(t, "controls", controlLines(about.Controls), v4l2Controls(t, path))
		})
	}
}

func TestNodesTellCameras(t *testing.T) {
	camera(t, "uvc")
	nodes, err := Nodes()
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []bool
	for _, node := range nodes {
		about, err := Describe(node)
		if err != nil {
			t.Fatal(err)
		}
		if !about.Capture && len(about.Formats)+len(about.Controls) > 0 {
			t.Errorf("%+v", about)
		}
		if about.Driver != "uvcvideo" {
			continue
		}
		verdicts = append(verdicts, about.Capture)
		if !about.Capture {
			_, err := Open(Config{Path: node, Pixel: MJPEG})
			wantErr(t, err, ErrNotCamera, node, "metadata")
		}
	}
	if !slices.Equal(verdicts, []bool{true, false}) {
		t.Errorf("uvcvideo's nodes are cameras: %v, want the first and not the second, which is metadata", verdicts)
	}
}

func wantSame(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(want) == 0 {
		t.Errorf("v4l2-ctl tells no %s", what)
	}
	slices.Sort(got)
	slices.Sort(want)
	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("%s: v4l2-ctl does not tell %q", what, line)
		}
	}
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("%s: only v4l2-ctl tells %q", what, line)
		}
	}
}

// formatLines writes a line for each format, and one for each format, size and rate.
func formatLines(t *testing.T, formats []Format) (lines []string) {
	t.Helper()
	for _, f := range formats {
		lines = append(lines, fmt.Sprintf("%s %s", f.Pixel, f.Title))
		last := 1 << 30
		for _, s := range f.Sizes {
			if s.Width*s.Height > last || !slices.IsSortedFunc(s.Rates, func(a, b float64) int { return int(b - a) }) {
				t.Errorf("sizes or rates are not in order: %+v", f.Sizes)
			}
			last = s.Width * s.Height
			for _, r := range s.Rates {
				lines = append(lines, fmt.Sprintf("%s %dx%d %.3f", f.Pixel, s.Width, s.Height, r))
			}
		}
	}
	return lines
}

func v4l2Formats(t *testing.T, path string) (lines []string) {
	t.Helper()
	format := regexp.MustCompile(`\]: '(.*)' \((.*)\)$`)
	size := regexp.MustCompile(`Size: Discrete (\S+)$`)
	interval := regexp.MustCompile(`\((\S+) fps\)$`)
	var pixel, pixels string
	for line := range strings.Lines(output(t, "v4l2-ctl", "-d", path, "--list-formats-ext")) {
		line = strings.TrimRight(line, "\n")
		if m := format.FindStringSubmatch(line); m != nil {
			title, _, _ := strings.Cut(m[2], ", ")
			pixel = m[1]
			lines = append(lines, pixel+" "+title)
		}
		if m := size.FindStringSubmatch(line); m != nil {
			pixels = m[1]
		}
		if m := interval.FindStringSubmatch(line); m != nil {
			lines = append(lines, pixel+" "+pixels+" "+m[1])
		}
	}
	return lines
}

// controlLines writes what v4l2-ctl tells too. It leaves out the value of vivid's automatic gain, which never rests.
func controlLines(controls []Control) (lines []string) {
	for _, c := range controls {
		line := fmt.Sprintf("%08x %s", c.ID, c.Name)
		if c.Type == "int" {
			line += fmt.Sprintf(" min=%d max=%d step=%d", c.Min, c.Max, c.Step)
		}
		if c.Type == "menu" {
			line += fmt.Sprintf(" min=%d max=%d", c.Min, c.Max)
		}
		if c.Type != "button" {
			line += fmt.Sprintf(" default=%d", c.Default)
		}
		if c.Name != "gain" {
			line += fmt.Sprintf(" value=%d", c.Value)
		}
		if c.Inactive {
			line += " inactive"
		}
		if c.ReadOnly {
			line += " read-only"
		}
		lines = append(lines, line)
		for i, item := range c.Menu {
			if item != "" {
				lines = append(lines, fmt.Sprintf("%s %d: %s", c.Name, c.Min+int64(i), item))
			}
		}
	}
	return lines
}

func v4l2Controls(t *testing.T, path string) (lines []string) {
	t.Helper()
	control := regexp.MustCompile(`^ *(\S+) 0x(\S+) \((?:int|bool|menu|intmenu|button) *\) *: (.*)$`)
	item := regexp.MustCompile(`^\t+(\d+): (.*?)(?: \(0x\w+\))?$`)
	fields := regexp.MustCompile(`(?:min|max|step|default|value)=-?\d+`)
	name := ""
	for line := range strings.Lines(output(t, "v4l2-ctl", "-d", path, "--list-ctrls-menus")) {
		line = strings.TrimRight(line, "\n")
		if m := control.FindStringSubmatch(line); m != nil {
			name = m[1]
			about := m[2] + " " + name
			for _, f := range fields.FindAllString(m[3], -1) {
				if name != "gain" || !strings.HasPrefix(f, "value") {
					about += " " + f
				}
			}
			for _, flag := range []string{"inactive", "read-only"} {
				if strings.Contains(m[3], flag) {
					about += " " + flag
				}
			}
			lines = append(lines, about)
		} else if m := item.FindStringSubmatch(line); m != nil {
			lines = append(lines, name+" "+m[1]+": "+m[2])
		}
	}
	return lines
}

func output(t *testing.T, command ...string) string {
	t.Helper()
	out, err := exec.Command(command[0], command[1:]...).Output()
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(command, " "), err)
	}
	return string(out)
}

func TestPixelFormatString(t *testing.T) {
	for want, p := range map[string]PixelFormat{"MJPG": MJPEG, "JPEG": JPEG, "H264": H264, "YUYV": YUYV, "NV12": NV12,
		"Y16 -BE": 0xa0363159} {
		if got := p.String(); got != want {
			t.Errorf("%s, want %s", strconv.Quote(got), want)
		}
	}
}
