package exec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/sourcetest"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
)

// script is a command that is run in a directory of its own, with helpers for what it leaves there.
type script struct {
	t     *testing.T
	dir   string
	drops drop.Counters
}

func newScript(t *testing.T) *script { return &script{t: t, dir: t.TempDir()} }

// file writes a file that the command may read, and returns its path.
func (s *script) file(name string, data []byte) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// source returns the command as a source. It insists soon when it is asked to stop.
func (s *script) source(format, line string, args ...any) *command {
	s.t.Helper()
	line = "cd " + s.dir + "; " + fmt.Sprintf(line, args...)
	src, err := source.Registry{"exec": New}.Parse("porch", "exec:"+line+"#format="+format,
		source.Env{Drops: &s.drops, Log: testutil.Log(s.t)})
	if err != nil {
		s.t.Fatal(err)
	}
	c := src.(*command)
	c.stopTime = 200 * time.Millisecond
	return c
}

// wait waits until the command has written the file name, and returns its content.
func (s *script) wait(name string) string {
	s.t.Helper()
	var data []byte
	testutil.Eventually(s.t, "the command writes "+name, func() bool {
		var err error
		data, err = os.ReadFile(filepath.Join(s.dir, name))
		return err == nil && bytes.HasSuffix(data, []byte("\n"))
	})
	return strings.TrimSpace(string(data))
}

// expectGone waits until no process with the id that the command wrote to name is left.
func (s *script) expectGone(name string) {
	s.t.Helper()
	pid := s.wait(name)
	if _, err := strconv.Atoi(pid); err != nil {
		s.t.Fatal(err)
	}
	testutil.Eventually(s.t, "process "+name+" is gone", func() bool {
		data, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			return true
		}
		_, state, _ := strings.Cut(string(data), ") ")
		return strings.HasPrefix(state, "Z") // ended, and only its parent's business
	})
}

// fails runs the command, which must fail by itself, and returns what is said about it.
func (s *script) fails(c *command) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), testutil.Timeout)
	defer cancel()
	err := c.Run(ctx, func(source.Frame) {})
	if err == nil {
		s.t.Fatal("no error")
	}
	return err.Error()
}

func TestExecMJPEG(t *testing.T) {
	s := newScript(t)
	a, b := sourcetest.JPEG(t, 64, 48), sourcetest.JPEG(t, 80, 48)
	s.file("clip", append(bytes.Clone(a), b...))
	src := s.source("mjpeg", "while :; do cat clip; done")
	before := time.Now()
	got, err := sourcetest.Collect(t, src, 9)
	if err != nil {
		t.Fatal(err)
	}
	for n, f := range got {
		want, width := a, 64
		if n%2 == 1 {
			want, width = b, 80
		}
		if !bytes.Equal(f.Data, want) || f.Width != width || f.Height != 48 || f.Key {
			t.Errorf("frame %d: %d bytes, %dx%d", n, len(f.Data), f.Width, f.Height)
		}
		if f.Captured.Before(before) || n > 0 && f.PTS < got[n-1].PTS || f.Captured.Sub(got[0].Captured) != f.PTS {
			t.Errorf("frame %d: PTS %v, captured %v", n, f.PTS, f.Captured)
		}
	}
	if got[0].PTS != 0 || len(s.drops.Map()) > 0 {
		t.Errorf("first PTS %v, drops %v", got[0].PTS, s.drops.Map())
	}
}

func TestExecH264(t *testing.T) {
	s := newScript(t)
	clip := sourcetest.ReadFile(t, sourcetest.H264Dir+"slices.h264")
	wire, pictures := sourcetest.Normalize(t, clip)
	s.file("clip", clip)
	got, err := sourcetest.Collect(t, s.source("h264", "while :; do cat clip; done"), 2*pictures)
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, f := range got {
		all = append(all, f.Data...)
	}
	if !bytes.Equal(all, bytes.Repeat(wire, 2)) || !got[0].Key {
		t.Error("the access units are not the clip's in wire form")
	}
}

// TestExecCountsBrokenFrames: neither a truncated picture nor rubbish disturbs what comes after it.
func TestExecCountsBrokenFrames(t *testing.T) {
	s := newScript(t)
	good := sourcetest.JPEG(t, 64, 48)
	s.file("good", good)
	s.file("cut", good[:len(good)/2])
	got, err := sourcetest.Collect(t, s.source("mjpeg", "while :; do cat good cut good; head -c 5000 /dev/zero; done"), 4)
	if err != nil {
		t.Fatal(err)
	}
	for n, f := range got {
		if !bytes.Equal(f.Data, good) {
			t.Errorf("frame %d is not the picture", n)
		}
	}
	if s.drops.Get(drop.Decode) == 0 {
		t.Errorf("drops %v", s.drops.Map())
	}
}

// TestExecWithFFmpeg: the commands that the documentation shows.
func TestExecWithFFmpeg(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed: apt-get install ffmpeg")
	}
	const input = "ffmpeg -hide_banner -loglevel error -re -f lavfi -i testsrc=size=320x240:rate=25 "
	for format, output := range map[string]string{
		"mjpeg": "-c:v mjpeg -f mjpeg -",
		"h264":  "-c:v libx264 -preset ultrafast -tune zerolatency -g 10 -f h264 -",
	} {
		t.Run(format, func(t *testing.T) {
			s := newScript(t)
			src := s.source(format, "echo $$ > pid; exec "+input+output)
			got, err := sourcetest.Collect(t, src, 15)
			if err != nil {
				t.Fatal(err)
			}
			for n, f := range got {
				if f.Width != 320 || f.Height != 240 || f.Key != (format == "h264" && n%10 == 0) {
					t.Errorf("frame %d: %dx%d, key %v", n, f.Width, f.Height, f.Key)
				}
			}
			if w := src.Warning(); w != "" || len(s.drops.Map()) > 0 {
				t.Errorf("warning %q, drops %v", w, s.drops.Map())
			}
			s.expectGone("pid")
		})
	}
}

func TestExecThatDies(t *testing.T) {
	picture := sourcetest.JPEG(t, 64, 48)
	for _, c := range []struct {
		name, line string
		want       []string
	}{
		{"with a message", "echo first >&2; echo 'no camera: plug one in' >&2; exit 3",
			[]string{"exit status 3", "it said: no camera: plug one in"}},
		{"with progress before the message", `printf 'frame=1\rframe=2\rno space left' >&2; exit 1`,
			[]string{"it said: no space left"}},
		{"without a word", "exit 7", []string{"exit status 7"}},
		{"in good order", "exit 0", []string{`ended`}},
		{"after frames", "cat good good; echo bye >&2; exit 1", []string{"exit status 1", "it said: bye"}},
		{"by a signal", "kill -TERM $$", []string{"terminated"}},
		{"not found", "no-such-program --now", []string{"exit status 127", "no-such-program", "not found"}},
		{"syntax error", "if", []string{"exit status 2", "yntax error"}},
		{"flood of messages", "seq 20000 >&2; echo the last word >&2; exit 1", []string{"it said: the last word"}},
		{"flood without newline", "head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 1", []string{"it said: xxx"}},
		{"password in the line", "echo rtsp://joe:hunter2@cam/1 >&2; exit 1", []string{"rtsp://xxxxx@cam/1"}},
		{"long line", ": " + strings.Repeat("long ", 1000) + "; exit 1", []string{`..."`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			s.file("good", picture)
			src := s.source("mjpeg", "%s", c.line)
			src.stopTime = testutil.Timeout // so that all is read that it said
			said := s.fails(src)
			for _, part := range append(c.want, "command ") {
				if !strings.Contains(said, part) {
					t.Errorf("error %q does not say %q", said, part)
				}
			}
			if strings.Contains(said, "hunter2") || len(said) > 2*1024 {
				t.Errorf("error of %d bytes: %.100q", len(said), said)
			}
		})
	}
}

// TestExecThatCannotBeStarted: the kernel refuses an argument of more than 128 KiB.
func TestExecThatCannotBeStarted(t *testing.T) {
	s := newScript(t)
	said := s.fails(s.source("mjpeg", ": %s", strings.Repeat("x", 200_000)))
	if !strings.HasPrefix(said, "start ") || len(said) > 1000 {
		t.Errorf("error of %d bytes: %.300s", len(said), said)
	}
}

// stops starts the command, stops it when it has written file, and expects that Run returns.
func (s *script) stops(c *command, file string) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, func(source.Frame) {}) }()
	s.wait(file)
	cancel()
	if err := testutil.Receive(s.t, "the end of Run", done); err != nil {
		s.t.Errorf("asked to stop: %v", err)
	}
}

func TestExecStop(t *testing.T) {
	picture := sourcetest.JPEG(t, 64, 48)
	for _, c := range []struct{ name, line string }{
		{"waiting", "echo $$ > pid; exec sleep 1000"},
		{"flooding", "echo $$ > pid; exec cat /dev/zero"},
		{"frames without end", "echo $$ > pid; while :; do cat good; done"},
		{"ignores SIGINT", "trap '' INT; echo $$ > pid; while :; do cat good; sleep 0.01; done"},
		{"a child that ignores SIGINT", "sleep 1000 & echo $! > pid; wait"},
		{"a child that outlived the command, its pipes elsewhere", "sleep 1000 >&- 2>&- & echo $! > pid; exec sleep 1000"},
		{"a pipeline", "cat /dev/zero | (echo $$ > pid; cat)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			s.file("good", picture)
			s.stops(s.source("mjpeg", "%s", c.line), "pid")
			s.expectGone("pid")
		})
	}
}

// TestExecIsAskedFirst: a camera program that is stopped by SIGINT can put its camera in order.
func TestExecIsAskedFirst(t *testing.T) {
	s := newScript(t)
	c := s.source("mjpeg", "trap 'echo > asked; exit 0' INT; echo > ready; while :; do sleep 0.01; done")
	c.stopTime = testutil.Timeout
	s.stops(c, "ready")
	s.wait("asked")
}

// TestExecDaemonHoldsThePipes: a child that left the process group cannot be killed with it, but it must not keep the
// agent either.
func TestExecDaemonHoldsThePipes(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("setsid is not installed: apt-get install util-linux")
	}
	s := newScript(t)
	s.stops(s.source("mjpeg", "setsid sh -c 'echo $$ > pid; while [ ! -e end ]; do sleep 0.01; done' & wait"), "pid")
	s.file("end", nil)
	s.expectGone("pid")
}

func TestExecLeavesNothingWhenItFails(t *testing.T) {
	for name, line := range map[string]string{
		"a child that outlived the command": "sleep 1000 >&- 2>&- & echo $! > pid; echo broken >&2; exit 1",
		"and holds its pipes":               "sleep 1000 & echo $! > pid; echo broken >&2; exit 1",
		"no output any more, and SIGINT ignored": "trap '' INT; echo $$ > pid; " +
			"echo broken >&2; exec >&-; while :; do sleep 0.01; done",
		"no output any more, and ends when it can": "trap 'echo broken >&2; exit' INT; " +
			"echo $$ > pid; exec >&-; while :; do sleep 0.01; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScript(t)
			c := s.source("mjpeg", "%s", line)
			if !strings.Contains(line, "trap ''") {
				c.stopTime = testutil.Timeout
			}
			if said := s.fails(c); !strings.Contains(said, "it said: broken") {
				t.Errorf("error %q", said)
			}
			s.expectGone("pid")
		})
	}
}

func TestExecRunsAgain(t *testing.T) {
	s := newScript(t)
	s.file("good", sourcetest.JPEG(t, 64, 48))
	c := s.source("mjpeg", "[ -e broken ] && exit 1; while :; do cat good; sleep 0.01; done")
	for range 2 {
		if got, err := sourcetest.Collect(t, c, 2); err != nil || got[0].PTS != 0 {
			t.Fatal(err)
		}
	}
	s.file("broken", nil)
	s.fails(c)
}

func TestExecEndedBeforeItBegan(t *testing.T) {
	s := newScript(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("over"))
	if err := s.source("mjpeg", "exec sleep 1000").Run(ctx, func(source.Frame) {}); err != nil {
		t.Error(err)
	}
}

// TestParseKeepsTheCommand: only what stands behind the last '#', and looks like options, is taken off.
func TestParseKeepsTheCommand(t *testing.T) {
	for spec, want := range map[string]string{
		"exec:echo a # b#format=h264":     "echo a # b",
		"exec:echo '#x=1'#format=h264":    "echo '#x=1'",
		"exec:  spaces  #format=h264":     "  spaces  ",
		"exec:a:b:c#format=h264":          "a:b:c",
		"exec:printf %25s x#format=h264":  "printf %25s x",
		"exec:echo 'a&b=c'#format=h264":   "echo 'a&b=c'",
		"exec:echo \"#\"#x#format=mjpeg":  "echo \"#\"#x",
		"exec:echo é世界 +#format=mjpeg":    "echo é世界 +",
		"exec:a\nb#format=mjpeg":          "a\nb",
		"exec:ffmpeg -i x#1#format=mjpeg": "ffmpeg -i x#1",
	} {
		src, err := (source.Registry{"exec": New}).Parse("porch", spec, source.Env{})
		if err != nil {
			t.Errorf("%q: %v", spec, err)
			continue
		}
		if got := src.(*command).line; got != want {
			t.Errorf("%q: command %q, want %q", spec, got, want)
		}
	}
}
