package output

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/connwriter"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
)

// Exchange is one request for a camera, and what is needed to answer it.
type Exchange struct {
	Request Request
	Camera  *cameras.Camera
	Viewer  *viewers.Viewer

	handler     *Handler
	contentType string
	opened      bool // a Session removes the viewer
}

// Timing returns how long the output waits.
func (x *Exchange) Timing() Timing { return *x.handler.cfg.Timing }

// Still returns a picture of the camera.
func (x *Exchange) Still(ctx context.Context) (*stream.Packet, error) {
	h := x.handler
	by := ShareOf(x.Viewer.Principal(), x.Viewer.Address(), x.Camera)
	return h.cfg.Provider.Still(ctx, x.Camera, x.Request.Want, x.Request.MaxAge, h.cfg.Timing.FirstFrame, by)
}

// Subscribe returns a subscription to what the request wants. Close it, or give it to Open.
func (x *Exchange) Subscribe(ctx context.Context) (*cameras.Subscription, error) {
	by := ShareOf(x.Viewer.Principal(), x.Viewer.Address(), x.Camera)
	return x.handler.cfg.Provider.Subscribe(ctx, x.Camera, x.Request.Want, by, cameras.Viewer)
}

// AnswerHead answers a HEAD request with the headers of a stream. It reports false for other requests.
func (x *Exchange) AnswerHead(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodHead {
		return false
	}
	w.Header().Set("Content-Type", x.contentType)
	w.WriteHeader(http.StatusOK)
	return true
}

// SubscribeLive subscribes and waits for the first frame, so that a camera without frames is answered with an error. It
// answers a HEAD request: then the subscription is nil.
func (x *Exchange) SubscribeLive(
	w http.ResponseWriter, r *http.Request,
) (*cameras.Subscription, stream.Delivery, error) {
	none := stream.Delivery{}
	if why := x.Camera.Offline(); why != nil {
		return nil, none, fmt.Errorf("%w: %w", cameras.ErrOffline, why)
	}
	if x.AnswerHead(w, r) {
		return nil, none, nil
	}
	sub, err := x.Subscribe(r.Context())
	if err != nil {
		return nil, none, err
	}
	wait := x.handler.cfg.Timing.FirstFrame
	first, err := sub.Next(r.Context(), wait)
	if errors.Is(err, stream.ErrTimeout) {
		err = &cameras.NoFrameError{What: "frame", Wait: wait, Reason: sub.Reason()}
	}
	if err != nil {
		sub.Close()
		return nil, none, err
	}
	return sub, first, nil
}

// Open sends the headers of a stream. It closes the subscription if it fails. Call Session.Run.
func (x *Exchange) Open(w http.ResponseWriter, r *http.Request, sub *cameras.Subscription) (*Session, error) {
	h := x.handler
	w.Header().Set("Content-Type", x.contentType)
	h.responses.Add(1)
	ctx := x.Viewer.Context()
	out, err := connwriter.Open(ctx, w, r, h.cfg.WriteTimeout(), h.cfg.Timing.Stop)
	if err != nil {
		if out != nil {
			out.Close()
			err = fmt.Errorf("%w: %w", errAnswered, err)
		}
		sub.Close()
		h.responses.Done()
		return nil, err
	}
	x.opened = true
	out.CountBytes(x.Viewer.Sent())
	s := &Session{Sub: sub, Out: out, viewer: x.Viewer, handler: h, ctx: ctx, unbind: func() {}, idle: h.cfg.Timing.Idle}
	if !out.Hijacked() {
		bound, cancel := context.WithCancel(r.Context())
		stop := context.AfterFunc(ctx, cancel)
		s.ctx, s.unbind = bound, func() { stop(); cancel() }
	}
	return s, nil
}
