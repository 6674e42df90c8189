//go:build linux && cgo

package v4l2

import (
	"bytes"
	"context"
	"errors"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/agent/internal/source/splitter"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/status"
)

// openSource makes the source that text describes.
func openSource(t *testing.T, text string, drops *drop.Counters) source.Source {
	t.Helper()
	src, err := source.Registry{"v4l2": New}.Parse("porch", text, source.Env{Drops: drops, Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// testDevice returns the path of one of the virtual machine's cameras: vivid, mjpeg, h264 or uvc. The path follows a
// camera that is plugged in again.
func testDevice(tb testing.TB, name string) string {
	tb.Helper()
	if os.Getenv(strings.ToUpper(name)+"_DEVICE") == "" {
		tb.Skip("no V4L2 device here: make test-v4l2 runs this in a VM")
	}
	return "/dev/rig/" + name
}

// guest runs a command of the virtual machine, such as unplug.
func guest(tb testing.TB, command ...string) {
	tb.Helper()
	if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
		tb.Fatalf("%s: %v: %s", strings.Join(command, " "), err, out)
	}
}

// testClip returns what the virtual machine's feeders play over and over, frame by frame, in wire form.
func testClip(tb testing.TB, name string) (frames []string) {
	tb.Helper()
	data := sourcetest.ReadFile(tb, "/share/clips/"+name+".raw")
	if name == "h264" {
		s, n := splitter.NewAnnexB(bytes.NewReader(data)), h264.Normalizer{}
		for {
			au, err := s.Next()
			if err != nil {
				return frames
			}
			out, _, err := n.Normalize(nil, au)
			if err != nil {
				tb.Fatal(err)
			}
			frames = append(frames, string(out))
		}
	}
	s := splitter.NewJPEG(bytes.NewReader(data))
	for {
		picture, err := s.Next()
		if err != nil {
			return frames
		}
		frames = append(frames, string(picture))
	}
}

// follow fails the test unless the frames are those of the clip, in order, each later than the one before, and what
// is missing is said to be.
func follow(t *testing.T, got []source.Frame, clip []string) {
	t.Helper()
	at := map[string]int{}
	for i, f := range clip {
		at[f] = i
	}
	missing := 0
	for i, f := range got {
		n, ok := at[string(f.Data)]
		if !ok {
			t.Fatalf("frame %d of %d bytes is none of the clip's %d", i, len(f.Data), len(clip))
		}
		if i == 0 {
			continue
		}
		before := at[string(got[i-1].Data)]
		gap := (n - before - 1 + len(clip)) % len(clip)
		missing += gap
		if uint64(gap) != f.Lost {
			t.Errorf("frame %d: %d of the clip are missing before it, but %d are said to be lost", i, gap, f.Lost)
		}
		if step := f.PTS - got[i-1].PTS; step <= 0 || step > 5*time.Second {
			t.Errorf("frame %d comes %v after the one before", i, step)
		}
	}
	t.Logf("%d frames, %d missing, in %v", len(got), missing, got[len(got)-1].PTS)
}

func TestDevicePassThrough(t *testing.T) {
	for _, c := range []struct {
		name, device, clip, options string
		n                           int
	}{
		{"MJPEG of a loopback device", "mjpeg", "mjpeg", "", 60},
		{"MJPEG of a webcam", "uvc", "mjpeg", "#size=1280x720", 60},
		{"H.264 of a loopback device", "h264", "h264", "#format=h264", 75},
		{"H.264 of a webcam", "uvc", "h264", "#format=h264", 60},
	} {
		t.Run(c.name, func(t *testing.T) {
			drops := &drop.Counters{}
			src := openSource(t, "v4l2:"+testDevice(t, c.device)+c.options, drops)
			got, err := sourcetest.Collect(t, src, c.n)
			if err != nil || len(got) < c.n {
				t.Fatalf("%d frames, %v", len(got), err)
			}
			follow(t, got, testClip(t, c.clip))
			t.Logf("drops %v, clock %s, warning %q", drops.Map(), src.(source.Clocked).ClockSource(),
				src.(source.Warner).Warning())
			for i, f := range got {
				if f.Width != 1280 || f.Height != 720 ||
					f.Key != (c.clip == "h264" && bytes.Contains(f.Data, []byte{0, 0, 0, 1, 0x65})) {
					t.Fatalf("frame %d: %dx%d, key %v", i, f.Width, f.Height, f.Key)
				}
			}
			if c.clip == "h264" && !got[0].Key {
				t.Error("does not begin with a key frame")
			}
			if age := time.Since(got[c.n-1].Captured); age < 0 || age > testutil.Timeout {
				t.Errorf("the last frame was captured %v ago", age)
			}
		})
	}
}

// TestDeviceRaw: pictures of a camera without MJPEG, encoded here; its brightness is set and seen.
func TestDeviceRaw(t *testing.T) {
	path := testDevice(t, "vivid")
	var means [2]int
	for i, options := range []string{"#size=320x180&fps=10&warmup=100ms&control.brightness=0",
		"#format=nv12&size=320x180&fps=10&warmup=0s&control.brightness=255"} {
		drops := &drop.Counters{}
		src := openSource(t, "v4l2:"+path+options, drops)
		got, err := sourcetest.Collect(t, src, 5)
		if err != nil || len(got) < 5 {
			t.Fatalf("%d frames, %v", len(got), err)
		}
		img, err := jpeg.Decode(bytes.NewReader(got[4].Data))
		if err != nil {
			t.Fatal(err)
		}
		size := img.Bounds().Size()
		if size.X != got[4].Width || size.Y != got[4].Height || size.X != 320 || size.Y != 180 {
			t.Errorf("a picture of %v in a frame of %dx%d", size, got[4].Width, got[4].Height)
		}
		for y := range size.Y {
			for x := range size.X {
				r, g, b, _ := img.At(x, y).RGBA()
				means[i] += int(r>>8 + g>>8 + b>>8)
			}
		}
		means[i] /= 3 * size.X * size.Y
		if src.(source.Clocked).ClockSource() != status.ClockV4L2 ||
			!strings.Contains(src.(source.Warner).Warning(), "encoding JPEG on this machine costs about") {
			t.Errorf("clock %s, warning %q", src.(source.Clocked).ClockSource(), src.(source.Warner).Warning())
		}
		t.Logf("mean %d, drops %v, %s", means[i], drops.Map(), src.(source.Warner).Warning())
	}
	if means[0]+50 > means[1] {
		t.Errorf("the pictures' mean is %d at the lowest brightness and %d at the highest", means[0], means[1])
	}
}

// TestDeviceConfigure: a webcam is told to change while it runs, and has changed when it is opened again.
func TestDeviceConfigure(t *testing.T) {
	src := openSource(t, "v4l2:"+testDevice(t, "uvc"), &drop.Counters{})
	cam := src.(source.Configurer)
	list := cam.Controls() // it was never open
	i := 0
	for i < len(list) && list[i].Type != "int" {
		i++
	}
	if i == len(list) {
		t.Fatalf("no number among %+v", list)
	}
	control := list[i]
	fps := 10.0
	n := 0
	err := src.Run(t.Context(), func(source.Frame) {
		if n++; n == 3 {
			if err := cam.Configure(source.Settings{Controls: map[string]int64{control.Name: control.Max + 1}}); !errors.Is(err,
				source.ErrSetting) {
				t.Errorf("%s over its largest value: %v", control.Name, err)
			}
			if err := cam.Configure(source.Settings{FPS: &fps,
				Controls: map[string]int64{control.Name: control.Max}}); err != nil {
				t.Error(err)
			}
		}
	})
	if !errors.Is(err, source.ErrRestart) {
		t.Fatalf("Run ends with %v", err)
	}
	got, err := sourcetest.Collect(t, src, 6)
	if err != nil || len(got) < 6 {
		t.Fatal(err)
	}
	if step := (got[5].PTS - got[0].PTS) / 5; step < 80*time.Millisecond {
		t.Errorf("%v between frames, at 10 a second", step)
	}
	for _, c := range cam.Controls() {
		if c.Name == control.Name && c.Value != control.Max {
			t.Errorf("%s is %d, want %d", c.Name, c.Value, control.Max)
		}
	}
}

// TestDeviceReplug: a webcam that was configured by its node is found again, whatever its node is then.
func TestDeviceReplug(t *testing.T) {
	node, err := filepath.EvalSymlinks(testDevice(t, "uvc"))
	if err != nil {
		t.Fatal(err)
	}
	holder, err := os.Open(node) // keeps the number taken, so that the camera comes back with another one
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Close() }() // of a device that is gone
	src := openSource(t, "v4l2:"+node, &drop.Counters{})
	frames := make(chan source.Frame, 1)
	failed := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	run := func() {
		failed <- src.Run(ctx, func(f source.Frame) {
			select {
			case frames <- f:
			default:
			}
		})
	}
	defer cancel()
	go run()
	testutil.Receive(t, "a frame", frames)
	guest(t, "unplug", "uvc")
	if err := testutil.Receive(t, "the end of Run", failed); !errors.Is(err, source.ErrGone) {
		t.Fatalf("unplugged: %v", err)
	}
	if err := src.Run(ctx, func(source.Frame) {}); !errors.Is(err, source.ErrGone) ||
		!strings.Contains(err.Error(), "it was "+node) {
		t.Errorf("still away: %v", err)
	}
	for len(frames) > 0 {
		<-frames
	}
	guest(t, "plug", "uvc")
	plugged := time.Now()
	if now, err := filepath.EvalSymlinks(testDevice(t, "uvc")); err != nil || now == node {
		t.Fatalf("it is %s again, %v: this proves nothing", now, err)
	}
	go run()
	f := testutil.Receive(t, "a frame of the camera that is back", frames)
	t.Logf("%v after it was plugged in: %d bytes", time.Since(plugged), len(f.Data))
	cancel()
	if err := testutil.Receive(t, "the end of Run", failed); err != nil {
		t.Error(err)
	}
}

// TestDeviceCycles: opening and closing again and again leaves no file, mapping or goroutine behind.
func TestDeviceCycles(t *testing.T) {
	src := openSource(t, "v4l2:"+testDevice(t, "mjpeg"), &drop.Counters{})
	cycle := func() {
		if _, err := sourcetest.Collect(t, src, 1); err != nil {
			t.Fatal(err)
		}
	}
	cycle()
	before := testutil.TakeResourceSnapshot(t)
	for range 20 {
		cycle()
	}
	before.CheckNoLeaks(t)
}
