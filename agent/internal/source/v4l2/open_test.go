package v4l2

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/shared/drop"
)

// dev is a made-up /dev with nodes and udev's links to them.
type dev struct {
	tb  testing.TB
	dir string
}

func newDev(tb testing.TB, nodes ...string) dev {
	d := dev{tb, tb.TempDir()}
	for _, n := range nodes {
		if err := os.WriteFile(d.path(n), nil, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return d
}

func (d dev) path(name string) string { return filepath.Join(d.dir, name) }

func (d dev) link(name, node string) {
	d.tb.Helper()
	err := os.MkdirAll(filepath.Dir(d.path(name)), 0o700)
	if err == nil {
		err = os.Symlink("../../"+node, d.path(name))
	}
	if err != nil {
		d.tb.Fatal(err)
	}
}

func TestStableLink(t *testing.T) {
	const id, port = "v4l/by-id/usb-Maker_Model_123-video-index0", "v4l/by-path/pci-0-usb-0:1:1.0-video-index0"
	for name, c := range map[string]struct {
		links map[string]string
		path  string
		want  string
	}{
		"by id":            {map[string]string{id: "video2", port: "video2"}, "video2", id},
		"another camera's": {map[string]string{id: "video0", port: "video0"}, "video2", ""},
		"by port":          {map[string]string{port: "video2"}, "video2", port},
		"no udev":          {nil, "video2", ""},
		"no node":          {map[string]string{id: "video2"}, "video7", ""},
		"a link already":   {map[string]string{id: "video2"}, id, ""},
		"first of several": {map[string]string{"v4l/by-id/b": "video2", "v4l/by-id/a": "video2", port: "video2"}, "video2",
			"v4l/by-id/a"}, "a dead link": {map[string]string{"v4l/by-id/a": "video9", port: "video2"}, "video2", port},
		"the board's own too": {map[string]string{id: "video2", port: "video2",
			"v4l/by-path/platform-codec-video-index0": "video0"}, "video2", id},
		"two of one model": {map[string]string{id: "video2", port: "video2",
			"v4l/by-path/pci-0-usb-0:2:1.0-video-index0": "video0"}, "video2", port},
		"the other of them": {map[string]string{id: "video0", port: "video2",
			"v4l/by-path/pci-0-usb-0:2:1.0-video-index0": "video0"}, "video2", port},
	} {
		d := newDev(t, "video0", "video2")
		for link, node := range c.links {
			d.link(link, node)
		}
		want := c.want
		if want != "" {
			want = d.path(want)
		}
		if got := stableLink(d.path("v4l"), d.path(c.path)); got != want {
			t.Errorf("%s: %q, want %q", name, strings.TrimPrefix(got, d.dir+"/"), c.want)
		}
	}
}

// TestFoundAgain: a camera that was configured by its node is found when it comes back as another one, and no other
// is taken for it.
func TestFoundAgain(t *testing.T) {
	const id = "v4l/by-id/usb-Maker_Model_123-video-index0"
	d := newDev(t, "video0")
	h := newFakeHost(t, device.MJPEG)
	host := h.host()
	host.links = d.path("v4l")
	node := d.path("video0")
	src, err := parse(source.Spec{Target: node, Options: &source.Options{}},
		source.Env{Drops: &drop.Counters{}, Log: quiet(t)}, host)
	if err != nil {
		t.Fatal(err)
	}
	h.refuse = source.ErrGone
	if _, err := h.play(src); !errors.Is(err, source.ErrGone) || strings.Contains(err.Error(), "first opened") {
		t.Errorf("before it was ever there: %v", err)
	}
	h.refuse = nil
	d.link(id, "video0")
	for range 2 {
		if _, err := h.play(src); err != nil {
			t.Fatal(err)
		}
	}
	h.refuse = source.ErrGone
	if _, err := h.play(src); !errors.Is(err, source.ErrGone) || !strings.Contains(err.Error(), "it was "+node) {
		t.Errorf("while it is gone: %v", err)
	}
	var paths []string
	for _, c := range h.asked {
		paths = append(paths, strings.TrimPrefix(c.Path, d.dir+"/"))
	}
	if got := strings.Join(paths, " "); got != "video0 video0 "+id+" "+id {
		t.Errorf("opened %s", got)
	}
}

// TestCompare: a driver that gives something else is told of once an opening.
func TestCompare(t *testing.T) {
	for name, c := range map[string]struct {
		give device.Negotiated
		want string
	}{
		"as asked":        {device.Negotiated{Width: 1280, Height: 720, FPS: 30}, ""},
		"silent on rates": {device.Negotiated{Width: 1280, Height: 720}, ""},
		"29.97":           {device.Negotiated{Width: 1280, Height: 720, FPS: 30000 / 1001.0}, ""},
		"another size": {device.Negotiated{Width: 640, Height: 480, FPS: 30},
			`asked="MJPG 1280x720 at 30 fps" given="MJPG 640x480 at 30 fps"`},
		"another rate": {device.Negotiated{Width: 1280, Height: 720, FPS: 7.5},
			`asked="MJPG 1280x720 at 30 fps" given="MJPG 1280x720 at 7.5 fps"`},
	} {
		h := newFakeHost(t, device.MJPEG)
		h.give = func(device.Config) device.Negotiated { c.give.Pixel = device.MJPEG; return c.give }
		h.buffers = same(5, sourcetest.JPEG(t, 640, 480))
		log, lines := logged()
		spec, _ := source.ParseSpec("porch", "/dev/video0")
		src, err := parse(spec, source.Env{Drops: &drop.Counters{}, Log: log}, h.host())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.play(src); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(lines.String(), "level=INFO"); (c.want == "") != (n == 0) || n > 1 ||
			!strings.Contains(lines.String(), c.want) {
			t.Errorf("%s: log %q, want %q", name, lines.String(), c.want)
		}
	}
}
