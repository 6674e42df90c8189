package v4l2

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	bootTime    = 3 * time.Minute // on a loaded machine without KVM; usually it takes 5 s
	commandTime = 5 * time.Minute
)

// vm is a running virtual machine.
type vm struct {
	cmd   *exec.Cmd
	ended chan struct{}
	said  syncBuffer

	conn net.Conn // to the guest's shell
	in   *bufio.Reader
}

// syncBuffer takes in what run.sh says.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// boot starts a virtual machine with all four cameras and waits until they are there. It is ended with the test.
func boot(t *testing.T, files ...string) *vm {
	t.Helper()
	began := time.Now()
	dir, err := os.MkdirTemp("", "v4l2-") // t.TempDir is too long for the name of a socket
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "ctl")
	args := []string{"--ctl", socket, "--timeout", "900"}
	for _, f := range files {
		args = append(args, "--file", f)
	}
	v := &vm{cmd: exec.Command("../v4l2vm/run.sh", args...), ended: make(chan struct{})}
	v.cmd.Stdout, v.cmd.Stderr = &v.said, &v.said
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = v.cmd.Wait() // it is ended by a signal
		close(v.ended)
	}()
	t.Cleanup(func() {
		if v.conn != nil {
			_ = v.conn.Close() // the guest is ended anyway
		}
		_ = v.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		<-v.ended
		if t.Failed() {
			t.Logf("the virtual machine said: %s", v.said.String())
		}
		_ = os.RemoveAll(dir) // a folder in the system's temporary one
	})
	v.connect(t, socket)
	if _, err := v.try("true"); err != nil {
		t.Fatalf("the virtual machine does not boot: %v", err)
	}
	progress(t, "a virtual machine with four cameras is up after %v", ms(time.Since(began)))
	return v
}

// connect waits until the machine listens. It may have to wait for guests of another checkout to end.
func (v *vm) connect(t *testing.T, socket string) {
	t.Helper()
	deadline := time.After(bootTime)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			v.conn, v.in = conn, bufio.NewReader(conn)
			return
		}
		select {
		case <-v.ended:
			t.Fatal("the virtual machine does not start")
		case <-deadline:
			t.Fatalf("the virtual machine does not listen after %v: %v", bootTime, err)
		case <-tick.C:
		}
	}
}

// sh runs a line of shell in the guest, which must succeed, and returns what it says.
func (v *vm) sh(t *testing.T, line string, args ...any) string {
	t.Helper()
	line = fmt.Sprintf(line, args...)
	out, err := v.try(line)
	if err != nil {
		t.Fatalf("guest: %s: %v: %s", line, err, out)
	}
	return strings.TrimSpace(out)
}

var errExit = errors.New("exit code")

// try runs a line of shell in the guest. The error wraps errExit if the guest is well, but the exit code is not 0.
func (v *vm) try(line string) (string, error) {
	if err := v.conn.SetDeadline(time.Now().Add(commandTime)); err != nil {
		return "", err
	}
	return v.run(line)
}

func (v *vm) run(line string) (string, error) {
	if _, err := fmt.Fprintln(v.conn, line); err != nil {
		return "", err
	}
	var out strings.Builder
	for {
		got, err := v.in.ReadString('\n')
		if err != nil {
			return out.String() + got, err
		}
		text, code, ended := strings.Cut(got, "v4l2vm: exit ") // behind an output without a line's end, too
		out.WriteString(text)
		if !ended {
			continue
		}
		if code = strings.TrimSpace(code); code != "0" {
			return out.String(), fmt.Errorf("%w %s", errExit, code)
		}
		return out.String(), nil
	}
}

// node returns a camera's device node now.
func (v *vm) node(t *testing.T, name string) string { return v.sh(t, "node %s", name) }

// openers returns which processes have a camera open.
func (v *vm) openers(t *testing.T, name string) string { return v.sh(t, "opened %s", name) }

// background starts a program in the guest, and ends it with the test. stop sends it a signal, TERM for example, and
// returns its exit code.
func (v *vm) background(t *testing.T, log, command string) (stop func(signal string) int) {
	t.Helper()
	pid := v.sh(t, "%s >%s 2>&1 & echo $!", command, log)
	code := -1
	stop = func(signal string) int {
		if code >= 0 {
			return code
		}
		var err error
		if code, err = strconv.Atoi(v.sh(t, "kill -%s %s; wait %s; echo $?", signal, pid, pid)); err != nil {
			t.Fatal(err)
		}
		return code
	}
	t.Cleanup(func() {
		if t.Failed() {
			said, _ := v.try("tail -n 60 " + log) // to find the cause
			t.Logf("%s\n%s", command, said)
		}
		stop("TERM")
	})
	return stop
}
