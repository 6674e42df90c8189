package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/connwriter"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/logkey"
)

// viewing is one response that goes on. What it holds belongs to whoever has the viewer's cursor: the response's goroutine, or a round of the stream.
type viewing struct {
	viewer *cameras.Subscription
	guest  *admitted
	out    *connwriter.Writer
	unbind func() // from the viewer's context
	ctx    context.Context
	quiet  time.Duration
	err    error // why the response should end
}

// errEnough ends a response that has said all it has to say.
var errEnough = errors.New("the response is complete")

// errPanic is what becomes of a panic in a viewer's loop.
var errPanic = errors.New("panic")

// open opens the response for a viewer. Call attend, or end.
func (s *Server) open(c echo.Context, v *cameras.Subscription) (*viewing, error) {
	g, _ := c.Get(viewerKey).(*admitted)
	s.responses.Add(1)
	out, err := connwriter.Open(g.Context(), c.Response().Writer, c.Request(), s.live().WriteTimeout, s.times.stop)
	c.Response().Committed = out != nil
	if err != nil {
		if out != nil {
			out.Close()
		}
		v.Close()
		s.responses.Done()
		return nil, err
	}
	view := &viewing{viewer: v, guest: g, out: out, ctx: g.Context(), unbind: func() {}, quiet: s.times.quiet}
	g.detached = true
	out.CountBytes(g.Sent())
	if !out.Hijacked() {
		ctx, cancel := context.WithCancel(c.Request().Context())
		stop := context.AfterFunc(g.Context(), cancel)
		view.ctx, view.unbind = ctx, func() { stop(); cancel() }
	}
	return view, nil
}

func (s *Server) end(v *viewing) {
	if v.out != nil {
		v.out.Close()
		v.viewer.Close()
		v.unbind()
		s.tracker.Remove(v.guest.Viewer)
		s.responses.Done()
	}
}

// attend runs the loop of a viewer and ends its response. If the connection is ours the request's goroutine is let go, with its stack, buffers and
// headers, which are most of what a viewer would cost in memory.
func (s *Server) attend(v *viewing, loop func()) {
	work := func() {
		defer s.end(v)
		defer s.log(v)
		defer recoverInto(&v.err)
		loop()
	}
	if v.out.Hijacked() {
		go work() // s.responses waits for it
		return
	}
	work()
}

// log tells why a loop ended, if that is more than the end of what there was to say.
func (s *Server) log(v *viewing) {
	if v.err == nil || errors.Is(v.err, errEnough) {
		return
	}
	s.countEviction(v.err)
	if v.ctx.Err() == nil {
		s.tracker.RecordTimeout(v.err)
	}
	s.cfg.Log.Log(context.Background(), severity(v.err, v.ctx.Err() != nil), "viewer lost", logkey.Camera, v.viewer.Camera().ID(), logkey.Err, v.err)
}

// countEviction counts a viewer whose stream has ended by a bug.
func (s *Server) countEviction(err error) {
	if errors.Is(err, errPanic) {
		s.tracker.RecordFault()
	}
}

// severity is how much a viewer's end is the hub's fault; ended says that the hub stops or the viewer has gone.
func severity(err error, ended bool) slog.Level {
	var network net.Error
	switch {
	case errors.Is(err, errPanic):
		return slog.LevelError
	case ended, errors.As(err, &network): // it has gone, or did not read
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// recoverInto makes an error of a panic: one viewer's must not end the others.
func recoverInto(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("%w: %v\n%s", errPanic, p, debug.Stack())
	}
}

// run sends the viewer its frames until the response should end. show offers a frame's bytes to the sink, and still is called each time when nothing has
// come for a while. Their errors end the response.
func (v *viewing) run(show func(stream.Delivery) error, still func() error) {
	take := func(d stream.Delivery) bool {
		v.show(d, show)
		return v.err == nil && !v.out.Pending()
	}
	for v.flush() {
		err := v.viewer.Deliver(v.ctx, v.quiet, take)
		switch {
		case errors.Is(err, stream.ErrTimeout):
			if v.out.PeerClosed() {
				return
			}
			v.err = still()
		case err != nil:
			return
		}
	}
}

// flush sends what show or still could not send without waiting, and reports whether the response goes on.
func (v *viewing) flush() bool {
	if v.err == nil {
		v.err = v.out.Flush()
	}
	return v.err == nil
}

func (v *viewing) show(d stream.Delivery, show func(stream.Delivery) error) {
	defer recoverInto(&v.err)
	if d.Skipped > 0 {
		v.out.NoteSkip()
	}
	v.err = show(d)
}

// noStill is for streams that send nothing while there is nothing: the camera may come back.
func noStill() error { return nil }
