package rpicam

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/agent/internal/source/splitter"
	"github.com/bramble-cam/bramble/internal/subprocess"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// piPipes are the pipes of a stream, with both ends in this process.
type piPipes struct {
	t             *testing.T
	frames, lines *os.File // to write to
	read          subprocess.Pipes
}

func newPiPipes(t *testing.T) *piPipes {
	t.Helper()
	p := &piPipes{t: t}
	var lines *os.File
	var errs [2]error
	p.read.Stdout, p.frames, errs[0] = os.Pipe()
	lines, p.lines, errs[1] = os.Pipe()
	p.read.Extra = []*os.File{lines}
	if errs[0] != nil || errs[1] != nil {
		t.Fatal(errs)
	}
	t.Cleanup(func() {
		for _, f := range []*os.File{p.frames, p.lines, p.read.Stdout, lines} {
			_ = f.Close() // may have been closed
		}
	})
	return p
}

func (p *piPipes) write(to *os.File, data string) {
	p.t.Helper()
	if _, err := to.WriteString(data); err != nil {
		p.t.Fatal(err)
	}
}

// streamOf returns a stream for a codec, and what it has handed over.
func streamOf(t *testing.T, codec string) (s *stream, got func() []string, drops *drop.Counters) {
	t.Helper()
	drops = &drop.Counters{}
	set := settings{codec: frame.Format(codec)}
	out, err := openOutput(plan{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.close() })
	var frames []string
	r := &camera{env: source.Env{Drops: drops, Log: testutil.Log(t)}, set: set, host: localPi()}
	s = newStream(r, set, plan{timed: true}, out, &faultDetector{}, func(f source.Frame) {
		frames = append(frames, fmt.Sprintf("%v %s", f.PTS, f.Data))
	})
	return s, func() []string { return frames }, drops
}

// au is an access unit of the test's own making: the key frame has the parameter sets of a real one.
func piUnits(t *testing.T) (key string, inter func(n int, size int) string) {
	t.Helper()
	clip := sourcetest.ReadFile(t, sourcetest.H264Dir+"slices.h264")
	au, err := splitter.NewAnnexB(bytes.NewReader(clip)).Next()
	if err != nil {
		t.Fatal(err)
	}
	return string(au), func(n, size int) string {
		return "\x00\x00\x00\x01" + "\x41\x9a" + strings.Repeat(string(rune('a'+n)), size)
	}
}

// TestStreamTurns: what is in the pipes at a turn decides what comes out of it.
func TestStreamTurns(t *testing.T) {
	key, inter := piUnits(t)
	p1, p2, p3 := inter(1, 50), inter(2, 3000), inter(3, 9)
	type turn struct {
		frames, lines string
		want          int // frames handed over by now
	}
	header := "# timecode format v2\n"
	for _, c := range []struct {
		name  string
		turns []turn
		fails string
		drops string
	}{
		{"one by one", []turn{{key, header + "0.000\n", 1}, {p1, "33.333\n", 2}, {p2, "66.667\n", 3}, {p3, "100.000\n", 4}},
			"", "map[]"},
		{"line later", []turn{{key, header, 0}, {"", "0.000\n", 1}, {p1, "", 1}, {"", "33.333\n", 2}}, "", "map[]"},
		{"in pieces", []turn{{key[:9], "", 0}, {key[9:], "0.0", 0}, {"", "00\n", 1}, {p2[:1000], "", 1},
			{p2[1000:], "20.000\n", 2}}, "", "map[]"},
		{"two together", []turn{{key + p1, "0.000\n33.333\n", 2}, {p2 + p3, "66.667\n100.000\n", 4}}, "", "map[]"},
		{"many together", []turn{{key + p1 + p2 + p3 + key + p1, "0.0\n1.0\n2.0\n3.0\n4.0\n5.0\n", 6}}, "", "map[]"},
		{"the next one has begun", []turn{{key + p2[:40], "0.000\n", 1}, {p2[40:], "", 1}, {"", "20.000\n", 2}}, "", "map[]"},
		{"the next one is there, not its line", []turn{{key + p1, "0.000\n", 1}, {"", "20.000\n", 2}}, "", "map[]"},
		{"cut in a start code", []turn{{key + p1[:3], "0.000\n", 1}, {p1[3:], "20.000\n", 2}}, "", "map[]"},
		{"cut behind a start code", []turn{{key + p1[:5], "0.000\n", 1}, {p1[5:], "20.000\n", 2}}, "", "map[]"},
		{"parameter sets apart", []turn{{key[:30], "0.000\n", 0}, {key[30:], "0.000\n", 1}, {p1, "20.000\n", 2}}, "",
			"map[]"},
		{"parameter sets apart, two together", []turn{{key, "0.000\n0.000\n", 1}, {p1, "20.000\n", 2}}, "", "map[]"},
		{"no line", []turn{{key, "", 0}, {p1, "", 1}, {p2, "", 2}}, "a picture came without a time", "map[]"},
		{"a line too many", []turn{{key, "0.0\n1.0\n", 1}, {p1, "2.0\n3.0\n", 2}, {p2, "4.0\n", 2}, {p3, "", 3}},
			"a time came without a picture", "map[]"},
		{"line before the end", []turn{{key, "0.0\n", 1}, {p2[:2000], "20.0\n", 2}, {p2[2000:], "", 2},
			{p1 + key, "40.0\n", 2}, {p1 + p2, "", 4}},
			"a frame went on behind its time", "map[decode:2]"},
		{"rubbish for a line", []turn{{key, "0.0\n", 1}, {p1, "x\n", 1}, {p2, "", 2}}, `"x"`, "map[]"},
		{"line without end", []turn{{key, "0.0\n", 1}, {p1, strings.Repeat("1", 2000), 1}, {p2, "", 2}},
			"more than 1024 bytes", "map[]"},
		{"starts in mid stream", []turn{{p2[700:], "0.0\n", 0}, {p1, "1.0\n", 0}, {key, "2.0\n", 1}, {p1, "3.0\n", 2}}, "",
			"map[no_key:1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, got, drops := streamOf(t, "h264")
			pipes := newPiPipes(t)
			if err := s.attach(pipes.read); err != nil {
				t.Fatal(err)
			}
			for n, turn := range c.turns {
				pipes.write(pipes.frames, turn.frames)
				pipes.write(pipes.lines, turn.lines)
				if err := s.readAndDeliver(); err != nil {
					t.Fatal(err)
				}
				if len(got()) != turn.want {
					t.Errorf("turn %d: %d frames, want %d", n, len(got()), turn.want)
				}
			}
			if w := s.cam.Warning(); !strings.Contains(w, c.fails) || (c.fails == "") != (w == "") ||
				fmt.Sprint(drops.Map()) != c.drops {
				t.Errorf("warning %q, want %q; drops %v, want %s", w, c.fails, drops.Map(), c.drops)
			}
		})
	}
}

// TestStreamLarge: frames that are larger than a pipe are read while they are written, and the stream's end is told.
func TestStreamLarge(t *testing.T) {
	key, inter := piUnits(t)
	s, got, drops := streamOf(t, "h264")
	pipes := newPiPipes(t)
	u, ok := splitter.NewChecker(frame.H264, drops, &s.cam.reorders).Check([]byte(key))
	if !ok {
		t.Fatal("the key frame is not good")
	}
	want := []string{"0s " + string(u.Data)}
	testutil.Run(t, func(context.Context) error {
		defer pipes.frames.Close()
		pipes.write(pipes.frames, key)
		pipes.write(pipes.lines, "0.0\n")
		for n := range 20 {
			pipes.write(pipes.frames, inter(n, 300_000+n))
			pipes.write(pipes.lines, fmt.Sprintf("%d.000\n", n+1))
		}
		pipes.write(pipes.frames, inter(3, 100)) // no line: cut off
		return nil
	})
	for n := range 20 {
		want = append(want, fmt.Sprintf("%v %s", time.Duration(n+1)*time.Millisecond, inter(n, 300_000+n)))
	}
	if err := s.run(t.Context(), pipes.read); !errors.Is(err, errEnded) {
		t.Errorf("error %v", err)
	}
	if len(got()) != len(want) || fmt.Sprint(got()) != fmt.Sprint(want) || len(drops.Map()) > 0 {
		t.Errorf("%d frames, want %d; drops %v", len(got()), len(want), drops.Map())
	}
}

// TestStreamTooLarge: what is no frame does not fill the memory.
func TestStreamTooLarge(t *testing.T) {
	key, inter := piUnits(t)
	for codec, parts := range map[string][]string{
		"h264": {key, inter(1, frame.MaxPayload+1), inter(2, 10), key, key},
		"jpeg": {string(sourcetest.JPEG(t, 16, 16)), string(sourcetest.JPEG(t, 16, 16)[:len(sourcetest.JPEG(t, 16, 16))-9]) +
			strings.Repeat("x", frame.MaxPayload), string(sourcetest.JPEG(t, 16, 16)), string(sourcetest.JPEG(t, 16, 16))},
	} {
		s, got, drops := streamOf(t, codec)
		pipes := newPiPipes(t)
		testutil.Run(t, func(context.Context) error {
			for n, part := range parts {
				pipes.write(pipes.frames, part)
				pipes.write(pipes.lines, fmt.Sprintf("%d.0\n", n))
			}
			return pipes.frames.Close()
		})
		if err := s.run(t.Context(), pipes.read); !errors.Is(err, errEnded) {
			t.Errorf("%s: error %v", codec, err)
		}
		if len(got()) < 2 || drops.Get(drop.Oversize) != 1 {
			t.Errorf("%s: %d frames, drops %v", codec, len(got()), drops.Map())
		}
	}
}

func TestParsePTS(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"0.000": 0, "33.333": 33333 * time.Microsecond, "100000.001": 100*time.Second + time.Microsecond,
		"-5.-123": -5123 * time.Microsecond, "0.-001": -time.Microsecond,
	} {
		if got, ok := parsePTS([]byte(in)); !ok || got != want {
			t.Errorf("%q: %v, %v", in, got, ok)
		}
	}
	for _, in := range []string{"", "x", "1", "1.", ".1", "1.1000", "1.-1000", "1.x", "9223372036854775807.0",
		"99999999999999999999.0", "1.0.0", " 1.0"} {
		if got, ok := parsePTS([]byte(in)); ok {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestPTSLines(t *testing.T) {
	var text strings.Builder
	text.WriteString("# timecode format v2\n\n")
	for n := range 5000 {
		fmt.Fprintf(&text, "%d.%03d\n", n*33, n%1000)
	}
	for name, r := range map[string]io.Reader{
		"at once": strings.NewReader(text.String()), "byte by byte": iotest.OneByteReader(strings.NewReader(text.String())),
	} {
		var l ptsLines
		if err := l.read(r); !errors.Is(err, io.EOF) || l.pending() != 5000 {
			t.Fatalf("%s: %d lines, %v", name, l.pending(), err)
		}
		for n := range 5000 {
			if got, want := l.pop(), time.Duration(n)*33*time.Millisecond+time.Duration(n%1000)*time.Microsecond; got != want {
				t.Fatalf("%s: line %d: %v, want %v", name, n, got, want)
			}
		}
		if l.pending() != 0 {
			t.Error("more lines than there were")
		}
	}
}

// TestTimes: the distances are the lines', the instant is that of the quickest arrival of late.
func TestTimes(t *testing.T) {
	var times timeline
	zero := time.Now()
	delays := []int{30, 12, 40, 5, 90, 5, 7} // milliseconds that frame n takes longer than the quickest could
	least := math.MaxInt
	for n := range 3000 { // 100 s
		delay := delays[n%len(delays)]
		if n >= 600 { // everything has become slower: after 10 s that is taken for the way it is
			delay += 20
		}
		line := time.Duration(n) * time.Second / 30
		pos, captured, stepped := times.atLine(line, zero.Add(line+time.Duration(delay)*time.Millisecond))
		if pos != line || stepped {
			t.Fatalf("frame %d: %v, want %v", n, pos, line)
		}
		least = min(least, delay)
		if n == 600+11*30 {
			least = 25
		}
		if n >= 600 && n < 600+11*30 { // in between both are possible
			continue
		}
		if got := captured.Sub(zero.Add(line)); got.Round(time.Microsecond) != time.Duration(least)*time.Millisecond {
			t.Fatalf("frame %d: captured %v after the time of its line, want %d ms", n, got, least)
		}
	}
}

// TestTimesSteps: steps of the clock and pauses of the camera.
func TestTimesSteps(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name      string
		line, gap time.Duration // since the frame before
		want      time.Duration
		stepped   bool
	}{
		{"as always", 33 * ms, 35 * ms, 33 * ms, false},
		{"pause of the camera", 5000 * ms, 5003 * ms, 5000 * ms, false},
		{"slow camera", 5000 * ms, 4100 * ms, 5000 * ms, false},
		{"the agent was held up", 33 * ms, 7000 * ms, 33 * ms, false},
		{"and catches up", 33 * ms, 0, 33 * ms, false},
		{"clock set forward", 3_600_033 * ms, 33 * ms, 33 * ms, true},
		{"clock set back", -3_600_000 * ms, 33 * ms, 33 * ms, true},
		{"clock set back a little", -1 * ms, 33 * ms, 33 * ms, true},
		{"the same time twice", 0, 33 * ms, 33 * ms, true},
		{"the same time twice at once", 0, 0, time.Microsecond, true},
		{"set forward less than a second", 900 * ms, 33 * ms, 900 * ms, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var times timeline
			now := time.Now()
			times.atLine(10*time.Second, now)
			pos, captured, stepped := times.atLine(10*time.Second+c.line, now.Add(c.gap))
			if pos != c.want || stepped != c.stepped || captured.After(now.Add(c.gap)) {
				t.Errorf("%v later, step %v; captured %v after arrival", pos, stepped, captured.Sub(now.Add(c.gap)))
			}
			if next, _, _ := times.atLine(10*time.Second+c.line+33*ms, now.Add(c.gap+33*ms)); next-pos != 33*ms {
				t.Errorf("the next one %v later", next-pos)
			}
		})
	}
}

// TestHasHardwareH264: what is not that encoder is none, whatever it is.
func TestHasHardwareH264(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, node := range []string{file, filepath.Dir(file), os.DevNull, "/dev/no-such-node"} {
		if ok, err := hasHardwareH264(node); ok || err != nil {
			t.Errorf("%s: %v, %v", node, ok, err)
		}
	}
}
