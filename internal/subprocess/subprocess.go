// Package subprocess runs one child process: in its own process group, which ends as a whole, and with pipes that are
// always read to their end.
//
// What the child's output means does not belong here.
package subprocess

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
)

const (
	// defaultStopTime is how long a child has to end after SIGINT before it is killed.
	defaultStopTime = 2 * time.Second

	// drainTimeout is how long pipes are read after the group was killed. It matters only if a process left the group
	// and holds a pipe open.
	drainTimeout = time.Second
)

// ErrEnded is the cause of the end of read's context when the child has ended by itself.
var ErrEnded = errors.New("the child has ended")

// Config says what to run.
type Config struct {
	Path string   // the program
	Args []string // without the program's name
	Env  []string // KEY=VALUE; nil means this process's own

	// Stdin is whether the child gets a pipe to read from; without it, its standard input is empty.
	Stdin bool

	// Extra is how many pipes the child gets to write to besides its standard output: descriptors 3, 4 and so on of
	// the child.
	Extra int

	// Drain are further files that only read reads and the child writes to, such as FIFOs. Like the pipes they are
	// read to their end when read has returned, so that a child that is still writing can end.
	Drain []*os.File

	// Limits bound what the child may take of this host; nil means what this process may. Only Linux has them.
	Limits *Limits

	// StopTime is how long the child has to end after SIGINT before its group is killed; 0 means 2 s.
	StopTime time.Duration

	Log    *slog.Logger // gets the lines of the child's standard error
	Source string       // logkey.Source of these lines

	// OnStderr is called with each such line and returns the level to log it at. The calls do not overlap. They come
	// from another goroutine than read's. Nil means Info.
	OnStderr func(line string) slog.Level
}

// Limits bound a child and its own children by setrlimit(2). They also forbid core files.
//
// Limits are set with prlimit(2) right after the start, before read can send input. Processes and threads are not
// limited: that limit counts all of the user's.
type Limits struct {
	Memory   int64 // bytes of data, that is heap, stacks and the like, without program and libraries; 0 means no limit
	Files    int   // open files at a time; 0 means no limit
	NoWrites bool  // it may write to pipes and devices, and not to files
	Nice     int   // lowest nice(1) value of the child; a higher one stays
}

// Pipes are our ends of the child's pipes. They support deadlines. Run closes them. read may close Stdin, so that the
// child sees the end of its input. When read returns it must not be writing to Stdin any more.
type Pipes struct {
	Stdin  *os.File // to write to; nil without Config.Stdin
	Stdout *os.File
	Extra  []*os.File
	PID    int // of the child
}

// Outcome is how a child ended.
type Outcome struct {
	ReadErr    error  // what read returned
	WaitErr    error  // nil for exit status 0, else an *exec.ExitError
	LastStderr string // the last line of its standard error that was not empty

	CPU time.Duration // CPU time of the child, and of its own children that it has waited for
}

// Run starts a child and calls read. It returns when read has returned, the child and its group have ended, and
// everything is closed.
//
// The child is stopped when ctx ends or read returns: by SIGINT to its process group, as Ctrl-C does, and by SIGKILL
// after StopTime. When the child ends by itself, the rest of its group is killed at once; what is in the pipes can
// still be read. In both cases read's context ends, and then the pipes. If the child ended by itself, context.Cause
// is ErrEnded. On Linux the child is also killed if this process dies.
//
// The error is about the start. Outcome tells everything else.
func Run(ctx context.Context, cfg Config, read func(context.Context, Pipes) error) (Outcome, error) {
	if cfg.StopTime <= 0 {
		cfg.StopTime = defaultStopTime
	}
	p := &process{
		cfg:       cfg,
		cmd:       exec.Command(cfg.Path, cfg.Args...), //nolint:gosec // the caller chooses the program
		stderrLog: newLineLog(cfg),
		exited:    make(chan struct{}), drained: make(chan struct{}), reapOK: make(chan struct{}),
	}
	p.cmd.Env = cfg.Env
	p.cmd.SysProcAttr = attributes()
	if err := p.start(); err != nil {
		return Outcome{}, err
	}
	return p.drive(ctx, read), nil
}

// process is a running child.
type process struct {
	cfg       Config
	cmd       *exec.Cmd
	stderrLog *lineLog
	pipes     Pipes
	stdin     *os.File   // what we write to, or nil
	readEnds  []*os.File // what we read from and must close: standard error, then the pipes
	tasks     sync.WaitGroup

	exited  chan struct{} // closed when the child has ended; on Linux it is still a zombie, so its PID is not reused
	drained chan struct{} // closed when the child has ended and its pipes are read to their end
	reapOK  chan struct{} // closed when its group is dead and the zombie may be reaped

	waitErr error // how it ended; set before the goroutine of runLocked ends
}

// start starts the child with its pipes.
func (p *process) start() error {
	theirs, err := p.connect()
	if err == nil {
		started := make(chan error)
		p.tasks.Go(func() { p.runLocked(started) })
		if err = <-started; err != nil {
			p.tasks.Wait()
		}
	}
	closeAll(theirs)
	if err != nil {
		closeAll(p.readEnds)
		p.closeStdin()
		return err
	}
	p.pipes.PID = p.cmd.Process.Pid
	return nil
}

// connect makes the pipes and returns the child's ends of them.
func (p *process) connect() (theirs []*os.File, err error) {
	if p.cfg.Stdin {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		p.stdin, p.cmd.Stdin = w, r
		defer func() { theirs = append(theirs, r) }()
	}
	for range 2 + p.cfg.Extra {
		r, w, err := os.Pipe()
		if err != nil {
			return theirs, err
		}
		p.readEnds, theirs = append(p.readEnds, r), append(theirs, w)
	}
	p.cmd.Stderr, p.cmd.Stdout, p.cmd.ExtraFiles = theirs[0], theirs[1], theirs[2:]
	p.pipes = Pipes{Stdin: p.stdin, Stdout: p.readEnds[1], Extra: p.readEnds[2:]}
	return theirs, nil
}

// runLocked starts the child, waits for it and reaps it, on a locked OS thread: Linux sends the parent-death signal
// when the thread that forked ends, and Go sometimes ends threads. The thread is no extra cost: the wait call blocks
// one anyway.
func (p *process) runLocked(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	if err == nil && p.cfg.Limits != nil {
		// a kernel that forbids it, or the child has ended already
		if fault := limit(p.cmd.Process.Pid, *p.cfg.Limits); fault != nil {
			p.cfg.Log.Warn("a child process runs without limits", "path", p.cfg.Path, logkey.Err, fault)
		}
	}
	started <- err
	if err != nil {
		return
	}
	p.waitErr = p.wait()
}

// drive calls read, and cleans up when read has returned and the child has ended.
func (p *process) drive(ctx context.Context, read func(context.Context, Pipes) error) Outcome {
	reading, cancel := context.WithCancelCause(ctx)
	p.tasks.Go(func() { p.supervise(reading, cancel) })
	var pipes sync.WaitGroup
	pipes.Go(p.logStderr)
	out := Outcome{ReadErr: read(reading, p.pipes)}
	p.closeStdin()
	cancel(nil)
	for _, f := range slices.Concat(p.readEnds[1:], p.cfg.Drain) {
		pipes.Go(func() { drain(f) })
	}
	pipes.Wait()
	<-p.exited
	close(p.drained)
	p.tasks.Wait()
	closeAll(p.readEnds)
	out.WaitErr, out.LastStderr = p.waitErr, p.stderrLog.last()
	if state := p.cmd.ProcessState; state != nil {
		out.CPU = state.UserTime() + state.SystemTime()
	}
	return out
}

func (p *process) closeStdin() {
	if p.stdin != nil {
		_ = p.stdin.Close() // read may have closed it
	}
}

// supervise ends the child and its group when ctx ends, or the rest of its group when it has ended by itself.
func (p *process) supervise(ctx context.Context, cancel context.CancelCauseFunc) {
	select {
	case <-p.exited:
		cancel(ErrEnded)
	case <-ctx.Done():
		p.signal(interrupt)
		timer := time.NewTimer(p.cfg.StopTime)
		defer timer.Stop()
		select {
		case <-p.drained:
		case <-timer.C:
		}
	}
	p.signal(kill)
	deadline := time.Now().Add(drainTimeout)
	for _, f := range slices.Concat(p.readEnds, p.cfg.Drain) {
		_ = f.SetReadDeadline(deadline) // after that, a pipe that a process outside the group holds is given up
	}
	close(p.reapOK)
}

// logStderr logs the child's standard error. The buffer is small because it lives as long as the child.
func (p *process) logStderr() {
	var buf [1 << 10]byte
	for {
		n, err := p.readEnds[0].Read(buf[:])
		p.stderrLog.add(buf[:n])
		if err != nil {
			return
		}
	}
}
