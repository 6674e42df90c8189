package rpicam

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/splitter"
	"github.com/bramble-cam/bramble/internal/subprocess"
	"github.com/bramble-cam/bramble/shared/frame"
)

// frameSplitter cuts the bytes that were read into frames.
type frameSplitter interface {
	Fill() error                   // reads once; errNothingNow if there is nothing
	Buffered() int                 // bytes
	NextBuffered() ([]byte, error) // the next frame, if the buffer tells its end
	Flush() []byte                 // the frame in the buffer, whose end the caller knows; nothing if there is none
	Followed() (bool, error)       // something follows the frame at the front of the buffer
	AtStart() bool                 // the buffer begins like a frame
}

// stream turns what rpicam-vid writes into frames. One goroutine polls all pipes and never leaves one of them full,
// since rpicam-vid would keep old pictures then instead of dropping them.
//
// The frames come without framing, but rpicam-vid writes a frame, and then the line with its time. So when a line has
// come all of its frame is in the pipe, and nothing of the next one unless that has been written meanwhile. The
// parser of the format, which by itself finds the end of an H.264 picture not before the next one begins, cuts where
// two have come together, and checks: a time without a picture, a picture without a time, or a frame that goes on
// behind its time mean that the lines cannot be trusted. From then on the parser cuts alone, one frame late.
type stream struct {
	cam     *camera
	set     settings
	out     *output
	trouble *faultDetector
	sink    source.Sink

	split frameSplitter
	check splitter.Checker
	lines ptsLines
	times timeline
	polls [4]unix.PollFd // frames, lines, waker, and standard output where the frames go through a FIFO

	timed   bool          // the lines are trusted
	atLine  bool          // the last frame was cut where the bytes ended
	header  bool          // parameter sets came with a time of their own
	cold    bool          // no frame has been handed over
	base    time.Duration // where the first frame is that was
	frames  int           // handed over
	latest  time.Time     // when the last frame came, or the start
	scratch [512]byte
}

const (
	pollFrames = iota
	pollLines
	pollWaker
	pollStdout
)

// headerFrames is within how many frames from the start it must show that the encoder's parameter sets came on their
// own.
const headerFrames = 10

// errNothingNow means that a pipe is empty.
var errNothingNow = errors.New("nothing to read now")

// errEnded means that the child's output has ended.
var errEnded = errors.New("end of its output")

// errStalled means that the camera has stopped.
var errStalled = errors.New("the camera delivers no frames")

func newStream(r *camera, set settings, plan plan, out *output, trouble *faultDetector, sink source.Sink) *stream {
	return &stream{
		cam: r, set: set, out: out, trouble: trouble, sink: sink, timed: plan.timed, cold: true, latest: time.Now(),
		check: splitter.NewChecker(set.codec, r.env.Drops, &r.reorders),
	}
}

// fdReader reads a non-blocking descriptor.
type fdReader int32

func (fd fdReader) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			return 0, errNothingNow
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// attach takes the ends of the pipes.
func (s *stream) attach(p subprocess.Pipes) error {
	files := []*os.File{p.Stdout, p.Extra[0], s.out.wake.r, nil}
	if s.out.fifo != nil {
		files[pollFrames], files[pollStdout] = s.out.fifo, p.Stdout
	}
	for i, f := range files {
		s.polls[i] = unix.PollFd{Fd: -1, Events: unix.POLLIN} // -1: poll passes it over
		if f == nil {
			continue
		}
		conn, err := f.SyscallConn()
		if err != nil {
			return err
		}
		if err := conn.Control(func(fd uintptr) { s.polls[i].Fd = int32(fd) }); err != nil {
			return err
		}
	}
	frames := fdReader(s.polls[pollFrames].Fd)
	s.split = splitter.NewJPEG(frames)
	if s.set.codec == frame.H264 {
		s.split = splitter.NewAnnexB(frames)
	}
	return nil
}

// run reads until ctx or the stream ends. All files stay open until it has returned.
func (s *stream) run(ctx context.Context, p subprocess.Pipes) error {
	defer s.out.release()
	if err := s.attach(p); err != nil {
		return err
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		s.out.wake.wake()
		close(woken)
	})
	defer func() {
		if !stop() {
			<-woken
		}
	}()
	for {
		if err := s.poll(); err != nil {
			return err
		}
		ended := ctx.Err() != nil
		if ended && context.Cause(ctx) != subprocess.ErrEnded {
			return nil
		}
		s.empty(pollWaker)
		s.empty(pollStdout)
		if err := s.turn(); err != nil {
			return err
		}
		if ended { // everything that the child wrote has been read
			return errEnded
		}
	}
}

// poll waits until there is something to read, or until a camera that has timed out has had its time.
func (s *stream) poll() error {
	timeout := -1
	if s.trouble.stalled.Load() {
		left := s.cam.host.stall - time.Since(s.latest)
		if left <= 0 {
			return errStalled
		}
		timeout = int(left/time.Millisecond) + 1
	}
	for {
		if _, err := unix.Poll(s.polls[:], timeout); err != unix.EINTR {
			return err
		}
	}
}

// empty reads a pipe whose content does not matter.
func (s *stream) empty(which int) {
	p := &s.polls[which]
	if p.Fd < 0 || p.Revents == 0 {
		return
	}
	for {
		if _, err := fdReader(p.Fd).Read(s.scratch[:]); err != nil {
			if err != errNothingNow {
				p.Fd = -1 // it would be ready for ever
			}
			return
		}
	}
}

// turn reads what is there and hands over the frames that are complete. The lines come first: only then is their
// frame sure to be there.
func (s *stream) turn() error {
	for {
		s.readLines()
		dry, err := s.fill()
		switch again := s.cut(dry); {
		case again:
		case err == io.EOF:
			return errEnded
		default:
			return err
		}
	}
}

// readLines reads the times that are there.
func (s *stream) readLines() {
	p := &s.polls[pollLines]
	if p.Fd < 0 {
		return
	}
	err := s.lines.read(fdReader(p.Fd))
	if err == errNothingNow {
		return
	}
	if err != io.EOF {
		s.distrust(err.Error())
	}
	p.Fd = -1
}

// fill reads frames until there is nothing more, or so much that some of it must be dealt with first.
func (s *stream) fill() (dry bool, err error) {
	for err == nil && s.split.Buffered() <= frame.MaxPayload {
		err = s.split.Fill()
	}
	if s.atLine && s.split.Buffered() > 0 {
		s.atLine = false
		if !s.split.AtStart() {
			s.check.Lost(splitter.ErrFrameBroken)
			s.distrust("a frame went on behind its time")
		}
	}
	if err == errNothingNow {
		return true, nil
	}
	return err != nil, err
}
