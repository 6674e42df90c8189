package rpicam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// TestFrames: whatever way rpicam-vid is run, each of its pictures comes out whole and unchanged, with its own time.
func TestFrames(t *testing.T) {
	for name := range piVariants() {
		for _, pace := range []string{"", "fast"} {
			t.Run(strings.TrimSpace(name+" "+pace), func(t *testing.T) {
				t.Parallel()
				p := newPi(t, pace)
				options := p.as(name)
				p.env["_RECORD"] = filepath.Join(p.dir, "record")
				src := p.source("rpicam:1#fps=50&" + options)
				src.host.stopTime = 0
				got, err := sourcetest.Collect(t, src, map[string]int{"": 50, "fast": 150}[pace])
				if err != nil {
					t.Fatal(err)
				}
				timed := !strings.Contains(src.Warning(), "1.8.0 or newer")
				if w := src.Warning(); timed && w != "" || len(p.drops.Map()) > 0 || src.ClockSource() != status.ClockArrival {
					t.Errorf("warning %q, drops %v, clock %s", w, p.drops.Map(), src.ClockSource())
				}
				checkPiFrames(t, got, p.wire(src), timed)
			})
		}
	}
}

// checkPiFrames holds frames, of which 50 are made in a second, against what was recorded.
func checkPiFrames(t *testing.T, got []source.Frame, want [][]byte, timed bool) {
	t.Helper()
	if len(want) < len(got) {
		t.Fatalf("%d frames of %d pictures", len(got), len(want))
	}
	for n, f := range got {
		if !bytes.Equal(f.Data, want[n]) {
			t.Fatalf("frame %d: %d bytes, want %d", n, len(f.Data), len(want[n]))
		}
		if timed && f.PTS != time.Duration(n)*20*time.Millisecond || !timed && n > 0 && f.PTS <= got[n-1].PTS {
			t.Fatalf("frame %d: PTS %v", n, f.PTS)
		}
		if f.Width == 0 || f.Captured.IsZero() || f.Captured.After(time.Now()) {
			t.Fatalf("frame %d: width %d, captured %v", n, f.Width, f.Captured)
		}
	}
}

// TestIntra: --intra reaches the encoder, and by default it makes one key frame a second.
func TestIntra(t *testing.T) {
	for options, want := range map[string]int{"fps=50&intra=7": 7, "fps=12": 12, "intra=1": 1} {
		p := newPi(t, "fast")
		got, err := sourcetest.Collect(t, p.source("rpicam:#"+options), 30)
		if err != nil {
			t.Fatal(err)
		}
		for n, f := range got {
			if f.Key != (n%want == 0) {
				t.Errorf("%s: frame %d: key %v", options, n, f.Key)
			}
		}
	}
}

// tokens lets the fake rpicam-vid write one frame after the other.
type tokens struct {
	tb   testing.TB
	fifo *os.File
}

func (p *pi) tokens() *tokens {
	t := p.tb
	t.Helper()
	p.env["_TOKENS"] = filepath.Join(p.dir, "tokens")
	if err := unix.Mkfifo(p.env["_TOKENS"], 0o600); err != nil {
		t.Fatal(err)
	}
	fifo, err := os.OpenFile(p.env["_TOKENS"], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fifo.Close() })
	return &tokens{t, fifo}
}

func (k *tokens) give() {
	k.tb.Helper()
	if _, err := k.fifo.Write([]byte{1}); err != nil {
		k.tb.Fatal(err)
	}
}

// TestCutsAtTheLine: a frame is there before the next one exists. Without times the parser needs the next one, at
// least in H.264.
func TestCutsAtTheLine(t *testing.T) {
	for name := range piVariants() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPi(t, "")
			options := p.as(name)
			late := 0
			if strings.Contains(name, "old") || strings.Contains(name, "before") {
				late = 1
			}
			give := p.tokens()
			src := p.source("rpicam:0#fps=100&" + options)
			frames := make(chan time.Duration)
			stop := testutil.Run(t, func(ctx context.Context) error {
				return src.Run(ctx, func(f source.Frame) {
					select {
					case frames <- f.PTS:
					case <-ctx.Done():
					}
				})
			})
			for range late {
				give.give()
			}
			for range 40 {
				give.give()
				testutil.Receive(t, "the frame, while the next one waits for its token", frames)
			}
			stop()
		})
	}
}

// TestDistrust: lines that cannot be trusted cost no frame but the one in which it shows, and are told of.
func TestDistrust(t *testing.T) {
	for _, c := range []struct {
		faults, codec, remark string
		lost                  uint64
	}{
		{"fast,mute:20", "h264", "a picture came without a time", 0},
		{"fast,mute:20", "mjpeg", "a picture came without a time", 0},
		{"fast,mute:0", "h264", "a picture came without a time", 0},
		{"double:20", "h264", "a time came without a picture", 0},
		{"double:20", "mjpeg", "a time came without a picture", 0},
		{"fast,garble:20", "h264", `"nonsense"`, 0},
		{"fast,garble:20", "mjpeg", `"nonsense"`, 0},
	} {
		t.Run(c.faults+" "+c.codec, func(t *testing.T) {
			t.Parallel()
			p := newPi(t, c.faults)
			p.env["_RECORD"] = filepath.Join(p.dir, "record")
			src := p.source("rpicam:0#size=320x240&fps=50&codec=" + c.codec)
			got, err := sourcetest.Collect(t, src, 60)
			if err != nil {
				t.Fatal(err)
			}
			checkPiFrames(t, got, p.wire(src), false)
			if !strings.Contains(src.Warning(), c.remark) || len(p.drops.Map()) > 0 {
				t.Errorf("warning %q, drops %v", src.Warning(), p.drops.Map())
			}
		})
	}
}

// TestHeaderOfItsOwn: an encoder that delivers its first parameter sets apart gives them a time too.
func TestHeaderOfItsOwn(t *testing.T) {
	p := newPi(t, "header")
	give := p.tokens()
	src := p.source("rpicam:0#fps=50")
	frames := make(chan source.Frame)
	stop := testutil.Run(t, func(ctx context.Context) error {
		return src.Run(ctx, func(f source.Frame) {
			select {
			case frames <- f:
			case <-ctx.Done():
			}
		})
	})
	for n := range 10 {
		give.give()
		if f := testutil.Receive(t, "the frame before the next one", frames); f.PTS != time.Duration(n)*20*time.Millisecond ||
			f.Key != (n == 0) {
			t.Errorf("frame %d: PTS %v, key %v", n, f.PTS, f.Key)
		}
	}
	stop()
	if src.Warning() != "" || len(p.drops.Map()) > 0 {
		t.Errorf("warning %q, drops %v", src.Warning(), p.drops.Map())
	}
}

// TestClockIsSet: a step of the system's clock does not show in the times, and does not end the run.
func TestClockIsSet(t *testing.T) {
	for _, ms := range []int{-5000, -20_000_000, 3_600_000} {
		p := newPi(t, fmt.Sprintf("jump:10:%d", ms))
		got, err := sourcetest.Collect(t, p.source("rpicam:0#fps=100"), 20)
		if err != nil {
			t.Fatal(err)
		}
		for n, f := range got[1:] {
			if step := f.PTS - got[n].PTS; step <= 0 || step > time.Second || n+1 != 10 && step != 10*time.Millisecond {
				t.Errorf("clock set by %d ms: frame %d comes %v after the one before", ms, n+1, step)
			}
		}
	}
}

func TestWarmup(t *testing.T) {
	for codec, dropped := range map[string]uint64{"h264": 10, "mjpeg": 7} { // H.264 goes on to the next key frame
		p := newPi(t, "fast")
		got, err := sourcetest.Collect(t,
			p.source("rpicam:0#size=64x48&fps=50&warmup=130ms&codec="+codec+map[string]string{"h264": "&intra=10"}[codec]), 20)
		if err != nil {
			t.Fatal(err)
		}
		if p.drops.Get(drop.Warmup) != dropped || got[0].PTS != 0 || got[1].PTS != 20*time.Millisecond || codec == "h264" &&
			!got[0].Key {
			t.Errorf("%s: %d frames dropped, PTS %v, %v, key %v", codec, p.drops.Get(drop.Warmup), got[0].PTS,
				got[1].PTS, got[0].Key)
		}
	}
}

// TestSeveral: the cameras of a Pi, all at once, and the same one twice.
func TestSeveral(t *testing.T) {
	p := newPi(t, "")
	p.env["_CAMERAS"], p.env["_LOCKS"] = "imx708,ov5647,imx219", p.dir
	frames := make(chan int)
	for n := range 3 {
		src := p.source(fmt.Sprintf("rpicam:%d#codec=mjpeg&size=64x48", n))
		testutil.Run(t, func(ctx context.Context) error {
			return src.Run(ctx, func(source.Frame) {
				select {
				case frames <- n:
				case <-ctx.Done():
				}
			})
		})
	}
	for seen := map[int]bool{}; len(seen) < 3; {
		seen[testutil.Receive(t, "frames of all cameras", frames)] = true
	}
	err := p.source("rpicam:1").Run(t.Context(), func(source.Frame) {})
	if err == nil || !strings.Contains(err.Error(), "in use by another program") {
		t.Errorf("the same camera again: %v", err)
	}
}

// TestConfigure: a change of settings ends the run, and the next one has them and finds the camera free.
func TestConfigure(t *testing.T) {
	p := newPi(t, "")
	p.env["_LOCKS"] = p.dir
	src := p.source("rpicam:0#fps=100")
	one := func(v float64) source.Settings { return source.Settings{FPS: &v} }
	if err := src.Configure(one(90)); err != nil { // while it is closed
		t.Fatal(err)
	}
	for _, fps := range []float64{90, 60, 25} {
		n, last, step := 0, time.Duration(0), time.Duration(0)
		err := src.Run(t.Context(), func(f source.Frame) {
			step, last = f.PTS-last, f.PTS
			if n++; n == 5 {
				next := map[float64]float64{90: 60, 60: 25, 25: 10}[fps]
				if err := errors.Join(src.Configure(one(fps)), src.Configure(one(next))); err != nil {
					// the first one changes nothing
					t.Error(err)
				}
			}
		})
		if want := time.Duration(float64(time.Second) / fps); !errors.Is(err, source.ErrRestart) ||
			(step-want).Abs() > time.Microsecond {
			t.Errorf("fps %g: %v apart, %v", fps, step, err)
		}
	}
	if src.settings().fps != 10 || src.Format() != frame.H264 || src.Kind() != "rpicam" {
		t.Errorf("settings %+v", src.settings())
	}
}
