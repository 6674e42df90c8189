package subprocess_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/internal/subprocess"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// readAll reads what the child writes until it has ended, and returns it by pipe.
func readAll(got *[]string) func(context.Context, subprocess.Pipes) error {
	return func(_ context.Context, p subprocess.Pipes) error {
		for _, f := range append([]*os.File{p.Stdout}, p.Extra...) {
			data, err := io.ReadAll(f)
			if err != nil {
				return err
			}
			*got = append(*got, string(data))
		}
		return nil
	}
}

func TestOutcome(t *testing.T) {
	for _, c := range []struct {
		name, line string
		extra      int
		pipes      []string // what is read
		wait, said string
	}{
		{"nothing", ":", 0, []string{""}, "", ""},
		{"output and words", "echo out; echo words >&2", 0, []string{"out\n"}, "", "words"},
		{"status", "echo out; exit 7", 0, []string{"out\n"}, "exit status 7", ""},
		{"signal", "kill -TERM $$", 0, []string{""}, "signal: terminated", ""},
		{"more pipes", "echo a; echo b >&3; echo c >/dev/fd/4", 2, []string{"a\n", "b\n", "c\n"}, "", ""},
		{"last words without newline", "printf 'one\ntwo' >&2", 0, []string{""}, "", "two"},
		{"no terminal, no input", "read x && echo got $x; tty", 0, []string{"not a tty\n"}, "exit status 1", ""},
		{"of what is in the pipe nothing is lost", "head -c 50000 /dev/zero | tr '\\0' x; sleep 1000 & exit 2", 0,
			[]string{strings.Repeat("x", 50000)}, "exit status 2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			cfg := shell(c.line)
			cfg.Extra, cfg.StopTime = c.extra, testutil.Timeout
			out, err := subprocess.Run(t.Context(), cfg, readAll(&got))
			if err != nil || out.ReadErr != nil {
				t.Fatal(err, out.ReadErr)
			}
			if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.pipes) || out.LastStderr != c.said {
				t.Errorf("read %.100q, want %.100q; said %q, want %q", got, c.pipes, out.LastStderr, c.said)
			}
			if wait := fmt.Sprint(out.WaitErr); out.WaitErr == nil && c.wait != "" || out.WaitErr != nil && wait != c.wait {
				t.Errorf("ended with %v, want %q", out.WaitErr, c.wait)
			}
		})
	}
}

func TestCannotStart(t *testing.T) {
	for name, cfg := range map[string]subprocess.Config{
		"no such program":               {Path: filepath.Join(t.TempDir(), "none")},
		"a folder":                      {Path: t.TempDir()},
		"argument of more than 128 KiB": {Path: "/bin/true", Args: []string{strings.Repeat("x", 200_000)}},
	} {
		read := func(context.Context, subprocess.Pipes) error { t.Error("read is called"); return nil }
		if _, err := subprocess.Run(t.Context(), cfg, read); err == nil {
			t.Errorf("%s: no error", name)
		} else if name == "no such program" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBlockingEnds: the pipes are non-blocking for us but not for the child, since C programs take EAGAIN for a fault.
func TestBlockingEnds(t *testing.T) {
	var got []string
	cfg := shell("cat /proc/$$/fdinfo/1 /proc/$$/fdinfo/2 /proc/$$/fdinfo/3")
	cfg.Extra = 1
	if _, err := subprocess.Run(t.Context(), cfg, readAll(&got)); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(strings.NewReader(got[0]))
	found := 0
	for lines.Scan() {
		if flags, ok := strings.CutPrefix(lines.Text(), "flags:\t"); ok {
			var n int
			if _, err := fmt.Sscanf(flags, "%o", &n); err != nil || n&unix.O_NONBLOCK != 0 {
				t.Errorf("flags %s, %v", flags, err)
			}
			found++
		}
	}
	if found != 3 {
		t.Skipf("/proc/PID/fdinfo tells nothing here: %q", got)
	}
}

// TestEndOfChildIsNoticed: read's context ends when the child has, though a grandchild holds the pipe, and that one
// is killed.
func TestEndOfChildIsNoticed(t *testing.T) {
	cause, line := errors.New("not set"), ""
	out, err := subprocess.Run(t.Context(), shell("sleep 1000 & echo $!; exit 3"),
		func(ctx context.Context, p subprocess.Pipes) error {
			line, _ = bufio.NewReader(p.Stdout).ReadString('\n')
			<-ctx.Done()
			cause = context.Cause(ctx)
			return nil
		})
	if err != nil || !errors.Is(cause, subprocess.ErrEnded) || fmt.Sprint(out.WaitErr) != "exit status 3" {
		t.Errorf("cause %v, outcome %+v, error %v", cause, out, err)
	}
	expectGone(t, line)
}

// expectGone waits until a process is gone.
func expectGone(t *testing.T, pid string) {
	t.Helper()
	stat := "/proc/" + strings.TrimSpace(pid) + "/stat"
	if strings.TrimSpace(pid) == "" {
		t.Fatal("no process id")
	}
	testutil.Eventually(t, "process "+pid+" is gone", func() bool {
		data, err := os.ReadFile(stat)
		_, state, _ := bytes.Cut(data, []byte(") "))
		return err != nil || bytes.HasPrefix(state, []byte("Z"))
	})
}

func TestStop(t *testing.T) {
	for _, c := range []struct {
		name, line string
		stopTime   time.Duration
		wait       string
	}{
		{"ends when it is asked", "trap 'echo bye >&2; exit 0' INT; echo ready; while :; do sleep 0.01; done",
			testutil.Timeout, "<nil>"},
		{"its last output is taken",
			"trap 'head -c 300000 /dev/zero; head -c 300000 /dev/zero >&3; exit 5' INT; echo ready; " +
				"while :; do sleep 0.01; done",
			testutil.Timeout, "exit status 5"},
		{"does not want to", "trap '' INT; echo ready; while :; do sleep 0.01; done", 100 * time.Millisecond,
			"signal: killed"},
		{"waits for a reader", "echo ready; exec cat /dev/zero", testutil.Timeout, "signal: interrupt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			cfg := shell(c.line)
			cfg.Extra, cfg.StopTime = 1, c.stopTime
			out, err := subprocess.Run(ctx, cfg, func(reading context.Context, p subprocess.Pipes) error {
				_, err := bufio.NewReader(p.Stdout).ReadString('\n')
				cancel()
				<-reading.Done()
				return errors.Join(err, context.Cause(reading))
			})
			if err != nil || !errors.Is(out.ReadErr, context.Canceled) || fmt.Sprint(out.WaitErr) != c.wait {
				t.Errorf("%+v, %v", out, err)
			}
		})
	}
}

// TestStdin: the child reads what is written, sees the end of it, and its use of the processor is told.
func TestStdin(t *testing.T) {
	cfg := shell("cat; n=0; while [ $n -lt 100000 ]; do n=$((n+1)); done")
	cfg.Stdin = true
	var got []byte
	out, err := subprocess.Run(t.Context(), cfg, func(_ context.Context, p subprocess.Pipes) error {
		if p.PID <= 1 {
			t.Errorf("process id %d", p.PID)
		}
		_, err := p.Stdin.WriteString("to the child")
		err = errors.Join(err, p.Stdin.Close())
		var readErr error
		got, readErr = io.ReadAll(p.Stdout)
		return errors.Join(err, readErr)
	})
	if err != nil || out.ReadErr != nil || string(got) != "to the child" {
		t.Errorf("%q, %+v, %v", got, out, err)
	}
	if out.CPU <= 0 {
		t.Error("it has used no CPU")
	}
}

// TestStdinEnds: a child ends when its standard input ends. A child that does not read delays no other part.
func TestStdinEnds(t *testing.T) {
	cfg := shell("exec sleep 1000")
	cfg.Stdin = true
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, err := subprocess.Run(ctx, cfg, func(reading context.Context, p subprocess.Pipes) error {
		defer context.AfterFunc(reading, func() { _ = p.Stdin.SetWriteDeadline(time.Now()) })()
		time.AfterFunc(10*time.Millisecond, cancel)
		_, err := p.Stdin.Write(make([]byte, 1<<20))
		return err
	})
	if err != nil || !errors.Is(out.ReadErr, os.ErrDeadlineExceeded) || fmt.Sprint(out.WaitErr) != "signal: interrupt" {
		t.Errorf("%+v, %v", out, err)
	}
	cfg = shell("cat >/dev/null; exit 4")
	cfg.Stdin, cfg.StopTime = true, testutil.Timeout
	out, err = subprocess.Run(t.Context(), cfg, func(reading context.Context, p subprocess.Pipes) error {
		err := p.Stdin.Close()
		<-reading.Done()
		return err
	})
	if err != nil || out.ReadErr != nil || fmt.Sprint(out.WaitErr) != "exit status 4" {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestReadGivesUp: read that returns is as good as the end of the context.
func TestReadGivesUp(t *testing.T) {
	fault := errors.New("fault")
	out, err := subprocess.Run(t.Context(), shell("exec cat /dev/zero"),
		func(context.Context, subprocess.Pipes) error { return fault })
	if err != nil || !errors.Is(out.ReadErr, fault) || fmt.Sprint(out.WaitErr) != "signal: interrupt" {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestDrain: a child that has much to write into a FIFO before it ends is not held up.
func TestDrain(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cfg := shell("exec 5>" + fifo +
		"; trap 'head -c 500000 /dev/zero >&5; exit 0' INT; echo ready; while :; do sleep 0.01; done")
	cfg.Drain, cfg.StopTime = []*os.File{in}, testutil.Timeout
	out, err := subprocess.Run(t.Context(), cfg, func(_ context.Context, p subprocess.Pipes) error {
		_, err := bufio.NewReader(p.Stdout).ReadString('\n')
		return err
	})
	if err != nil || out.ReadErr != nil || out.WaitErr != nil {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestSaid: every line is shown to its owner, who says how much it matters.
func TestSaid(t *testing.T) {
	var log bytes.Buffer
	var seen []string
	cfg := shell("echo one >&2; echo ERROR two >&2; printf three >&2")
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	cfg.Source = "test"
	cfg.OnStderr = func(line string) slog.Level {
		seen = append(seen, line)
		if strings.HasPrefix(line, "ERROR") {
			return slog.LevelError
		}
		return slog.LevelDebug
	}
	var got []string
	if _, err := subprocess.Run(t.Context(), cfg, readAll(&got)); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(seen) != "[one ERROR two three]" {
		t.Errorf("seen %q", seen)
	}
	if s := log.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, `level=ERROR msg="ERROR two" source=test`) {
		t.Errorf("logged %s", s)
	}
}
