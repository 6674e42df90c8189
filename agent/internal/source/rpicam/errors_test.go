package rpicam

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestTrouble: every fault has a name and a remedy.
func TestTrouble(t *testing.T) {
	for _, c := range []struct {
		faults, options string
		is              error
		want            []string
	}{
		{"nocamera", "", source.ErrGone, []string{"cable", "dtoverlay", "*** no cameras available ***"}},
		{"busy", "", source.ErrBusy, []string{"stop the other program", "failed to acquire camera"}},
		{"memory", "", errMemory, []string{"lower the size", "--buffer-count"}},
		{"exit:7", "", nil, []string{"exit status 255", "failed to queue request"}},
		{"crash:7", "", nil, []string{"rpicam-vid ended with signal: killed"}},
		{"timeout:0", "", errStalled, []string{"ribbon", "Device timeout detected"}},
		{"timeout:7", "", errStalled, []string{"ribbon", "Device timeout detected"}},
		{"", "args=--nonsense 5", errOptions, []string{"check args", "unrecognised option '--nonsense'"}},
		{"", "args=--ev", errOptions, nil},
		{"", "args=--ev 1 --ev 2", errOptions, []string{"more than once"}},
	} {
		t.Run(c.faults+c.options, func(t *testing.T) {
			t.Parallel()
			p := newPi(t, c.faults)
			src := p.source("rpicam:0#fps=200&" + c.options)
			src.host.stopTime = 50 * time.Millisecond // one that has stalled does not notice SIGINT
			err := src.Run(t.Context(), func(source.Frame) {})
			if err == nil || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("error %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// TestSystem: what is wrong before there is a camera.
func TestSystem(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*pi, *camera)
		want   []string
	}{
		{"no program", func(_ *pi, r *camera) { r.host.programs = []string{"rpicam-none", "libcamera-none"} },
			[]string{"neither rpicam-none nor libcamera-none is installed", "sudo apt install rpicam-apps", "v4l2:"}},
		{"legacy", func(p *pi, r *camera) { p.env["_PLATFORM"] = "legacy"; r.host.env = p.environ() },
			[]string{"raspi-config"}},
		{"no Pi", func(p *pi, r *camera) { p.env["_PLATFORM"] = "unknown"; r.host.env = p.environ() },
			[]string{"needs a Raspberry Pi"}},
		{"no such camera", func(p *pi,
			r *camera) {
			p.env["_CAMERAS"] = "imx708"
			r.host.env = p.environ()
			r.set.camera = 1
		},
			[]string{"no such camera", "bramble-agent devices"}},
		{"too large", func(_ *pi, r *camera) {
			r.set.width, r.host.hardware = 2304, func() (bool, error) { return true, nil }
		}, []string{"2304x720", "1920", "codec=mjpeg"}},
		{"no permission", func(_ *pi, r *camera) {
			r.host.hardware = func() (bool, error) {
				return false,
					source.ErrPermission
			}
		},
			[]string{"no permission"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPi(t, "")
			src := p.source("rpicam:0")
			c.change(p, src)
			err := src.Run(t.Context(), func(source.Frame) {})
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

// TestComesBack: after a fault the source probes everything again.
func TestComesBack(t *testing.T) {
	p := newPi(t, "nocamera")
	src := p.source("rpicam:0")
	if err := src.Run(t.Context(), func(source.Frame) {}); !errors.Is(err, source.ErrGone) {
		t.Fatal(err)
	}
	if src.tool != nil {
		t.Error("the version that failed is remembered")
	}
	p.env[""] = ""
	src.host.env = p.environ()
	if got, err := sourcetest.Collect(t, src, 3); err != nil || got[0].PTS != 0 {
		t.Errorf("%d frames, %v", len(got), err)
	}
	if src.tool == nil || src.tool.version != "1.9.0" {
		t.Errorf("the version that works is not remembered: %+v", src.tool)
	}
}

// TestStallThatPasses: a timeout after which the camera goes on is none, and does not explain a later fault.
func TestStallThatPasses(t *testing.T) {
	woken := 0
	trouble := &faultDetector{onStall: func() { woken++ }}
	trouble.onLine("ERROR: Device timeout detected, attempting a restart!!!")
	if !trouble.stalled.Load() || woken != 1 || trouble.known.Load() == 0 {
		t.Fatal("not noticed")
	}
	trouble.reset()
	if trouble.stalled.Load() || trouble.known.Load() != 0 {
		t.Error("not forgotten")
	}
}

// TestWeight: of several things that are said, the cause explains.
func TestWeight(t *testing.T) {
	trouble := &faultDetector{}
	for _, line := range []string{"ERROR: *** failed to acquire camera /base/x ***",
		"ERROR V4L2 ...: Cannot allocate memory", "ERROR: *** no cameras available ***"} {
		trouble.onLine(line)
	}
	if got := faults()[trouble.known.Load()-1].is; !errors.Is(got, errMemory) {
		t.Errorf("explained by %v", got)
	}
}

// TestStop: whatever rpicam-vid does at the moment, it ends with the context, and nothing is left of it.
func TestStop(t *testing.T) {
	left := temp(t)
	for _, faults := range []string{"", "fast", "hang:5", "hang:0", "deaf", "slowstart:100000", "timeout:0"} {
		for name := range piVariants() {
			t.Run(faults+" "+name, func(t *testing.T) {
				p := newPi(t, faults)
				options := p.as(name)
				p.env["_LOCKS"] = p.dir
				src := p.source("rpicam:0#fps=200&" + options)
				if faults != "" && faults != "fast" && !strings.HasPrefix(faults, "slow") {
					src.host.stopTime = 20 * time.Millisecond
				}
				src.host.stall = testutil.Timeout
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				frames := make(chan struct{}, 1)
				go func() {
					ended <- src.Run(ctx, func(source.Frame) {
						select {
						case frames <- struct{}{}:
						default:
						}
					})
				}()
				if strings.HasSuffix(faults, ":0") || strings.HasPrefix(faults, "slow") {
					testutil.Eventually(t, "the camera is taken",
						func() bool { _, err := os.Stat(filepath.Join(p.dir, "camera-0")); return err == nil })
				} else {
					testutil.Receive(t, "a frame", frames)
				}
				cancel()
				if err := testutil.Receive(t, "the end of Run", ended); err != nil {
					t.Error(err)
				}
				if names := left(); len(names) > 0 {
					t.Errorf("left: %v", names)
				}
			})
		}
	}
}

// TestCycles: opening and closing leaks nothing. The snapshot has no tolerance, so a leak in one cycle of ten shows.
func TestCycles(t *testing.T) {
	cycles := 60
	if testutil.RunsSystem() {
		cycles = 200
	}
	left := temp(t)
	var sources []*camera
	for name := range piVariants() {
		p := newPi(t, "fast")
		options := p.as(name)
		sources = append(sources, p.source("rpicam:0#size=64x48&"+strings.Replace(options, "size=", "args=&size=", 1)))
	}
	cycle := func(n int) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		frames := 0
		err := sources[n%len(sources)].Run(ctx, func(source.Frame) {
			if frames++; frames > n%3 {
				cancel()
			}
		})
		if err != nil || frames == 0 {
			t.Fatalf("cycle %d: %d frames, %v", n, frames, err)
		}
	}
	for n := range 2 * len(sources) {
		cycle(n)
	}
	before := testutil.TakeResourceSnapshot(t)
	for n := range cycles {
		cycle(n)
	}
	before.CheckNoLeaks(t)
	if names := left(); len(names) > 0 {
		t.Errorf("in the temporary folder: %v", names)
	}
}
