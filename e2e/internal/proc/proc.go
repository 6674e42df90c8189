// Package proc runs the programs under test as processes of their own, and reads what the kernel says of them.
package proc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Process is a program that was started.
type Process struct {
	cmd   *exec.Cmd
	name  string
	ended chan struct{}

	mu    sync.Mutex
	log   []byte        // guarded by mu
	wrote chan struct{} // guarded by mu; closed and replaced when log grows
}

// Start starts a program with env added to this one's environment. What it says is kept. End it with Kill.
func Start(env []string, name string, args ...string) (*Process, error) {
	//nolint:gosec // the program under test
	p := &Process{cmd: exec.Command(name, args...), name: filepath.Base(name), ended: make(chan struct{}),
		wrote: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	// not this host's own
	state := filepath.Join(os.TempDir(), "bramble-without-credentials-"+strconv.Itoa(os.Getuid()))
	p.cmd.Env = append(os.Environ(), "STATE_DIRECTORY="+state)
	p.cmd.Env = append(p.cmd.Env, env...)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // a killed program has no good end
		close(p.ended)
	}()
	return p, nil
}

// Write takes in what the program says.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, b...)
	close(p.wrote)
	p.wrote = make(chan struct{})
	return len(b), nil
}

// Output returns all that the program has written to its standard output and error.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.log)
}

// WaitOutput waits until the program has written text. The error shows what it wrote instead.
func (p *Process) WaitOutput(ctx context.Context, text string) error {
	for {
		p.mu.Lock()
		said, wrote := string(p.log), p.wrote
		p.mu.Unlock()
		if strings.Contains(said, text) {
			return nil
		}
		select {
		case <-wrote:
		case <-p.ended:
			if strings.Contains(p.Output(), text) {
				return nil
			}
			return fmt.Errorf("%s has ended without saying %q, but:\n%s", p.name, text, p.Output())
		case <-ctx.Done():
			return fmt.Errorf("%s has not said %q: %w; but:\n%s", p.name, text, context.Cause(ctx), said)
		}
	}
}

// stopTime bounds how long a program may take to end when it is asked to.
const stopTime = 5 * time.Second

// Stop asks the program to end, as Ctrl-C does, and waits until it is gone. One that does not end is killed.
func (p *Process) Stop() {
	_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended by itself
	select {
	case <-p.ended:
	case <-time.After(stopTime):
		p.Kill()
	}
}

// Ended is closed when the program has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the program as a power cut would, and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.ended
}
