// Package subprocess runs one child process: in a process group of its own that ends as a whole, and with pipes that are always read to their end.
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

	// leftTime is how long what is left in the pipes is read when the group is dead already. Only a process that left the group and holds a pipe makes
	// use of it: else the pipe's end comes at once.
	leftTime = time.Second
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

	// Extra is how many pipes the child gets to write to besides its standard output: descriptors 3, 4 and so on of the child.
	Extra int

	// Drain are files from which nobody but read reads what the child writes, such as FIFOs. They are treated as pipes are: when read has returned they
	// are read to their end, so that a child which writes its last words can.
	Drain []*os.File

	// Limits bound what the child may take of this host; nil means what this process may. Only Linux has them.
	Limits *Limits

	// StopTime is how long the child has to end after SIGINT before its group is killed; 0 means 2 s.
	StopTime time.Duration

	Log    *slog.Logger // takes what the child says on its standard error
	Source string       // logkey.Source of these lines

	// Said is called with each such line, one at a time and from another goroutine than read, and returns at which level to log it. Nil means Info.
	Said func(line string) slog.Level
}

// Limits bound a child, and what it starts, by setrlimit(2). It leaves no core file either.
//
// They hold from just after its start: Go cannot set them in between, and threads and processes are not limited, since their limit counts those of the whole user.
// Until then the child loads its program. Nothing that read writes to it has come by then.
type Limits struct {
	Memory   int64 // bytes of data, that is heap, stacks and the like, without program and libraries; 0 means no limit
	Files    int   // open files at a time; 0 means no limit
	NoWrites bool  // it may write to pipes and devices, and not to files
	Nice     int   // least nice(1) value of the child; one that is as high already stays
}

// Pipes are our ends of the child's pipes. They are non-blocking below and understand deadlines. They are closed by Run; read may close Stdin itself, to
// let the child see the end of its input, and must not be writing to it any more when it returns.
type Pipes struct {
	Stdin  *os.File // to write to; nil without Config.Stdin
	Stdout *os.File
	Extra  []*os.File
	PID    int // of the child
}

// Outcome is how a child ended.
type Outcome struct {
	Read error  // what read returned
	Wait error  // nil for exit status 0, else an *exec.ExitError
	Said string // the last line of its standard error that was not empty

	CPU time.Duration // what the child has used of processors, that of its own children included for which it has waited
}

// Run starts a child, calls read, and returns when read has returned, the child and its group have ended, and everything is closed.
//
// The child is stopped when ctx ends or read returns: by SIGINT to its process group, which is what Ctrl-C sends, and by SIGKILL after StopTime. When the
// child ends by itself the rest of its group is killed at once, whatever pipes it holds; what is in the pipes can still be read. In both cases read's
// context ends (context.Cause tells which: ErrEnded for the latter), and after it the pipes. On Linux the child is also killed if this process dies.
//
// The error is about starting it; Outcome is about all else.
func Run(ctx context.Context, cfg Config, read func(context.Context, Pipes) error) (Outcome, error) {
	if cfg.StopTime <= 0 {
		cfg.StopTime = defaultStopTime
	}
	p := &process{
		cfg: cfg, cmd: exec.Command(cfg.Path, cfg.Args...), died: make(chan struct{}), quiet: make(chan struct{}), reap: make(chan struct{}),
		said: &lineLog{log: cfg.Log, source: cfg.Source, each: cfg.Said},
	}
	p.cmd.Env = cfg.Env
	p.cmd.SysProcAttr = attributes()
	if err := p.start(); err != nil {
		return Outcome{}, err
	}
	return p.attend(ctx, read), nil
}

// process is a child that runs.
type process struct {
	cfg   Config
	cmd   *exec.Cmd
	said  *lineLog
	pipes Pipes
	stdin *os.File   // what we write to, or nil
	ours  []*os.File // what we read from and must close: standard error, then the pipes
	tasks sync.WaitGroup

	died  chan struct{} // closed when the child has ended: where possible it is a zombie then, which keeps its number and its group's from being reused
	quiet chan struct{} // closed when nothing is left to be read, and the child has ended
	reap  chan struct{} // closed when its group is dead and the zombie may go

	waited error // how it ended; set before the goroutine of live ends
}

// start starts the child with its pipes.
func (p *process) start() error {
	theirs, err := p.connect()
	if err == nil {
		started := make(chan error)
		p.tasks.Go(func() { p.live(started) })
		if err = <-started; err != nil {
			p.tasks.Wait()
		}
	}
	closeAll(theirs)
	if err != nil {
		closeAll(p.ours)
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
		p.ours, theirs = append(p.ours, r), append(theirs, w)
	}
	p.cmd.Stderr, p.cmd.Stdout, p.cmd.ExtraFiles = theirs[0], theirs[1], theirs[2:]
	p.pipes = Pipes{Stdin: p.stdin, Stdout: p.ours[1], Extra: p.ours[2:]}
	return theirs, nil
}

// live is the child's life from start to burial. It stays on one thread: Linux delivers the parent-death signal when the thread that forked ends, and Go
// ends threads, though seldom, while the process lives on. The thread costs nothing: somebody must block in the wait call anyway.
func (p *process) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	if err == nil && p.cfg.Limits != nil {
		if fault := limit(p.cmd.Process.Pid, *p.cfg.Limits); fault != nil { // a kernel that forbids it, or the child has ended already
			p.cfg.Log.Warn("a child process runs without limits", "path", p.cfg.Path, logkey.Err, fault)
		}
	}
	started <- err
	if err != nil {
		return
	}
	p.waited = p.wait()
}

// attend reads from the child until it has ended, and buries it.
func (p *process) attend(ctx context.Context, read func(context.Context, Pipes) error) Outcome {
	reading, cancel := context.WithCancelCause(ctx)
	p.tasks.Go(func() { p.supervise(reading, cancel) })
	var pipes sync.WaitGroup
	pipes.Go(p.listen)
	out := Outcome{Read: read(reading, p.pipes)}
	p.closeStdin()
	cancel(nil)
	for _, f := range slices.Concat(p.ours[1:], p.cfg.Drain) {
		pipes.Go(func() { drain(f) })
	}
	pipes.Wait()
	<-p.died
	close(p.quiet)
	p.tasks.Wait()
	closeAll(p.ours)
	out.Wait, out.Said = p.waited, p.said.last()
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
	case <-p.died:
		cancel(ErrEnded)
	case <-ctx.Done():
		p.signal(interrupt)
		timer := time.NewTimer(p.cfg.StopTime)
		defer timer.Stop()
		select {
		case <-p.quiet:
		case <-timer.C:
		}
	}
	p.signal(kill)
	deadline := time.Now().Add(leftTime)
	for _, f := range slices.Concat(p.ours, p.cfg.Drain) {
		_ = f.SetReadDeadline(deadline) // a pipe that somebody outside the group holds is given up then
	}
	close(p.reap)
}

// listen logs what the child says. A larger buffer would be there for as long as the child is.
func (p *process) listen() {
	var buf [1 << 10]byte
	for {
		n, err := p.ours[0].Read(buf[:])
		p.said.add(buf[:n])
		if err != nil {
			return
		}
	}
}
