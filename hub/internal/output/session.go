package output

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/connwriter"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/internal/logkey"
)

// Session is a streaming response. It belongs to the goroutine that has the subscription's cursor: the response's own,
// or one that delivers a frame to many viewers.
type Session struct {
	Sub *cameras.Subscription
	Out *connwriter.Writer

	viewer  *viewers.Viewer
	handler *Handler
	ctx     context.Context
	unbind  func() // releases ctx
	idle    time.Duration
	err     error // why the response should end
}

// ErrComplete ends a response to which nothing more belongs.
var ErrComplete = errors.New("the response is complete")

// ErrPanic is the error that a panic in a viewer's loop becomes.
var ErrPanic = errors.New("panic")

// SetTimeout bounds the time that the response may still take.
func (s *Session) SetTimeout(d time.Duration) {
	ctx, cancel := context.WithTimeout(s.ctx, d)
	unbind := s.unbind
	s.ctx, s.unbind = ctx, func() { cancel(); unbind() }
}

// Run runs a viewer's loop and ends the response. If the hub owns the connection Run does not wait: that frees the
// request's goroutine with its stack, buffers and headers, which are most of a viewer's memory.
func (s *Session) Run(loop func()) {
	work := func() {
		defer s.finish()
		defer s.log()
		defer Recover(&s.err)
		loop()
	}
	if s.Out.Hijacked() {
		go work() // Handler.Wait waits for it
		return
	}
	work()
}

func (s *Session) finish() {
	s.Out.Close()
	s.Sub.Close()
	s.unbind()
	s.handler.cfg.Viewers.Remove(s.viewer)
	s.handler.responses.Done()
}

// log records why a loop ended, unless the response is complete.
func (s *Session) log() {
	if s.err == nil || errors.Is(s.err, ErrComplete) {
		return
	}
	ended := s.ctx.Err() != nil
	if !ended {
		s.handler.cfg.Viewers.RecordTimeout(s.err)
	}
	s.handler.LogEnd(s.viewer.Camera(), s.err, ended)
}

// LogEnd logs and counts a viewer whose stream ended by an error. ended says that the hub stops or the viewer has left.
func (h *Handler) LogEnd(camera string, err error, ended bool) {
	var network net.Error
	level := slog.LevelWarn
	switch {
	case errors.Is(err, ErrPanic):
		h.cfg.Viewers.RecordFault()
		level = slog.LevelError
	case ended, errors.As(err, &network): // it has left, or did not read
		level = slog.LevelDebug
	}
	h.cfg.Log.Log(context.Background(), level, "viewer lost", logkey.Camera, camera, logkey.Err, err)
}

// Recover turns a panic into an error: that of one viewer must not end the others. Defer it.
func Recover(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v\n%s", ErrPanic, p, debug.Stack())
	}
}

// Context ends when the response must end.
func (s *Session) Context() context.Context { return s.ctx }

// Fail ends the response for a reason.
func (s *Session) Fail(err error) { s.err = err }

// Deliver sends the viewer its frames until the response should end. send offers a frame's bytes to Out. idle is called
// each time when no frame has come for a while. Their errors end the response.
func (s *Session) Deliver(send func(stream.Delivery) error, idle func() error) {
	take := func(d stream.Delivery) bool {
		s.Send(d, send)
		return s.err == nil && !s.Out.Pending()
	}
	for s.flush() {
		err := s.Sub.Deliver(s.ctx, s.idle, take)
		switch {
		case errors.Is(err, stream.ErrTimeout):
			if s.Out.PeerClosed() {
				return
			}
			s.err = idle()
		case err != nil:
			return
		}
	}
}

// flush sends what send or idle could not send without waiting, and reports whether the response goes on.
func (s *Session) flush() bool {
	if s.err == nil {
		s.err = s.Out.Flush()
	}
	return s.err == nil
}

// Send sends one frame. Deliver returns at once if it fails.
func (s *Session) Send(d stream.Delivery, send func(stream.Delivery) error) {
	defer Recover(&s.err)
	if d.Skipped > 0 {
		s.Out.NoteSkip()
	}
	s.err = send(d)
}

// NoIdleFrame sends nothing while no frame comes: the camera may come back.
func NoIdleFrame() error { return nil }
