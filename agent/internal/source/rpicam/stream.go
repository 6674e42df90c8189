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
	Fill() error                   // reads once; errWouldBlock if there is nothing
	Buffered() int                 // bytes
	NextBuffered() ([]byte, error) // the next frame, if the buffer tells its end
	Flush() []byte                 // the frame in the buffer, whose end the caller knows; nothing if there is none
	Followed() (bool, error)       // something follows the frame at the front of the buffer
	AtStart() bool                 // the buffer begins like a frame
}

// stream turns the output of rpicam-vid into frames. One goroutine polls all pipes and keeps them from filling up:
// otherwise rpicam-vid would keep old pictures instead of dropping them.
//
// The frames come without framing, but rpicam-vid writes a frame and then a line with its time. When a line has come,
// its whole frame is in the pipe. Part of the next frame may be there too: then the parser of the format cuts. The
// parser alone finds the end of an H.264 picture only when the next one begins. A time without a picture, a picture
// without a time, or a frame that goes on after its time mean that the lines are wrong. From then on only the parser
// cuts, one frame late.
type stream struct {
	cam    *camera
	set    settings
	out    *output
	faults *faultDetector
	sink   source.Sink

	split frameSplitter
	check splitter.Checker
	lines ptsLines
	times timeline
	polls [4]unix.PollFd // frames, lines, waker, and standard output where the frames go through a FIFO

	timed       bool          // the lines are trusted
	cutAtLine   bool          // the last frame was cut where the bytes ended
	headerTimed bool          // parameter sets came with a time of their own
	cold        bool          // no frame has been handed over
	base        time.Duration // where the first frame is that was
	frames      int           // handed over
	lastFrame   time.Time     // when the last frame came, or the start
	scratch     [512]byte
}

const (
	pollFrames = iota
	pollLines
	pollWaker
	pollStdout
)

// headerFrames is how many frames from the start the encoder's parameter sets may come on their own.
const headerFrames = 10

// errWouldBlock means that a pipe is empty.
var errWouldBlock = errors.New("nothing to read now")

// errEnded means that the child's output has ended.
var errEnded = errors.New("end of its output")

// errStalled means that the camera has stopped.
var errStalled = errors.New("the camera delivers no frames")

func newStream(r *camera, set settings, plan plan, out *output, trouble *faultDetector, sink source.Sink) *stream {
	return &stream{
		cam: r, set: set, out: out, faults: trouble, sink: sink, timed: plan.timed, cold: true, lastFrame: time.Now(),
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
			return 0, errWouldBlock
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// attach prepares our ends of the pipes.
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
		if err := conn.Control(func(fd uintptr) { s.polls[i].Fd = int32(fd) }); err != nil { //nolint:gosec // a descriptor
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
	defer s.out.closeWriter()
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
		if ended && !errors.Is(context.Cause(ctx), subprocess.ErrEnded) {
			return nil
		}
		s.drain(pollWaker)
		s.drain(pollStdout)
		if err := s.readAndDeliver(); err != nil {
			return err
		}
		if ended { // everything that the child wrote has been read
			return errEnded
		}
	}
}

// poll waits until there is something to read, or until a stalled camera is given up.
func (s *stream) poll() error {
	timeout := -1
	if s.faults.stalled.Load() {
		left := s.cam.host.stall - time.Since(s.lastFrame)
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

// drain reads a pipe whose content does not matter.
func (s *stream) drain(which int) {
	p := &s.polls[which]
	if p.Fd < 0 || p.Revents == 0 {
		return
	}
	for {
		if _, err := fdReader(p.Fd).Read(s.scratch[:]); err != nil {
			if !errors.Is(err, errWouldBlock) {
				p.Fd = -1 // it would be ready for ever
			}
			return
		}
	}
}

// readAndDeliver reads what is there and delivers the complete frames. It reads the lines first: only then are their
// frames sure to be in the pipe.
func (s *stream) readAndDeliver() error {
	for {
		s.readLines()
		dry, err := s.fill()
		switch again := s.deliverComplete(dry); {
		case again:
		case errors.Is(err, io.EOF):
			return errEnded
		default:
			return err
		}
	}
}

// readLines reads the times in the pipe.
func (s *stream) readLines() {
	p := &s.polls[pollLines]
	if p.Fd < 0 {
		return
	}
	err := s.lines.read(fdReader(p.Fd))
	if errors.Is(err, errWouldBlock) {
		return
	}
	if !errors.Is(err, io.EOF) {
		s.ignoreTimes(err.Error())
	}
	p.Fd = -1
}

// fill reads frames until the pipe is empty, or until the buffer must be consumed first.
func (s *stream) fill() (dry bool, err error) {
	for err == nil && s.split.Buffered() <= frame.MaxPayload {
		err = s.split.Fill()
	}
	if s.cutAtLine && s.split.Buffered() > 0 {
		s.cutAtLine = false
		if !s.split.AtStart() {
			s.check.Lost(splitter.ErrFrameBroken)
			s.ignoreTimes("a frame went on behind its time")
		}
	}
	if errors.Is(err, errWouldBlock) {
		return true, nil
	}
	return err != nil, err
}
