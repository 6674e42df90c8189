package pattern_test

import (
	"bytes"
	"context"
	"fmt"
	"image/jpeg"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/pattern"
	"github.com/bramble-cam/bramble/internal/testpattern/timecode"
	"github.com/bramble-cam/bramble/shared/frame"
)

func parse(options string) (source.Source, error) {
	return source.Registry{"pattern": pattern.New}.Parse("porch", "pattern:#"+options, source.Env{})
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		name    string
		options string
		want    string // part of the error; "" if the options are legal
	}{
		{"defaults", "", ""},
		{"smallest", "size=160x120&fps=1&quality=1", ""},
		{"not a multiple of 16", "size=854x486&fps=60&quality=100", ""},
		{"too small", "size=100x100", "nearest is size=160x120"},
		{"too large", "size=3840x2160", "nearest is size=1920x1080"},
		{"odd", "size=641x360", "nearest is size=640x360"},
		{"too low", "size=640x1", "nearest is size=640x120"},
		{"fps", "fps=61", "from 1 to 60"},
		{"negative fps", "fps=-1", "from 1 to 60"},
		{"quality", "quality=101", "from 1 to 100"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := parse(c.options)
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want == "" && (p.Format() != frame.JPEG || p.Kind() != "pattern"):
				t.Fatalf("format %q, kind %q", p.Format(), p.Kind())
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// runCard runs a source until the sink has seen n frames, and returns them without their data.
func runCard(t *testing.T, p source.Source, n int, each func(source.Frame)) []source.Frame {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got []source.Frame
	err := p.Run(ctx, func(f source.Frame) {
		each(f)
		f.Data = nil
		if got = append(got, f); len(got) == n {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func smallCard(t *testing.T, fps int) source.Source {
	t.Helper()
	p, err := parse(fmt.Sprintf("size=320x240&fps=%d", fps))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPacing(t *testing.T) {
	for _, fps := range []int{1, 7, 30, 60} {
		p := smallCard(t, fps)
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			for n, f := range runCard(t, p, 3*fps+1, func(source.Frame) {}) {
				want := time.Duration(n) * time.Second / time.Duration(fps)
				if f.PTS != want || !f.Captured.Equal(start.Add(want)) {
					t.Fatalf("%d fps: frame %d has PTS %v, captured after %v; want both %v", fps, n, f.PTS, f.Captured.Sub(start),
						want)
				}
				if f.Width != 320 || f.Height != 240 || f.Key {
					t.Fatalf("%+v", f)
				}
			}
		})
	}
}

// A sink that takes 3.5 periods loses frames; the ones after it are on time again and do not come in a burst.
func TestSkipsWhenLate(t *testing.T) {
	p := smallCard(t, 10)
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		seen := 0
		frames := runCard(t, p, 6, func(source.Frame) {
			if seen++; seen == 2 {
				<-time.After(350 * time.Millisecond)
			}
		})
		want := []struct{ pts, captured time.Duration }{{0, 0}, {100, 100}, {400, 450}, {500, 500}, {600, 600}, {700, 700}}
		for i, f := range frames {
			if f.PTS != want[i].pts*time.Millisecond || f.Captured.Sub(start) != want[i].captured*time.Millisecond {
				t.Errorf("frame %d: PTS %v, captured after %v; want %+v ms", i, f.PTS, f.Captured.Sub(start), want[i])
			}
		}
	})
}

// Each Run is an epoch of its own, and ends at once with its context.
func TestRunsAgain(t *testing.T) {
	p := smallCard(t, 25)
	synctest.Test(t, func(t *testing.T) {
		for range 3 {
			if f := runCard(t, p, 4, func(source.Frame) {}); f[0].PTS != 0 || f[3].PTS != 120*time.Millisecond {
				t.Fatalf("PTS from %v to %v", f[0].PTS, f[3].PTS)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := p.Run(ctx, func(source.Frame) {}); err != nil {
			t.Fatal(err)
		}
	})
}

func TestClockIsCaptured(t *testing.T) {
	p := smallCard(t, 25)
	synctest.Test(t, func(t *testing.T) {
		runCard(t, p, 40, func(f source.Frame) {
			img, err := jpeg.Decode(bytes.NewReader(f.Data))
			if err != nil {
				t.Fatal(err)
			}
			got, err := timecode.Read(img)
			if err != nil {
				t.Fatal(err)
			}
			if want := f.Captured.Truncate(time.Millisecond); !got.Equal(want) {
				t.Fatalf("the clock in the picture is %v, captured at %v", got, want)
			}
		})
	})
}
