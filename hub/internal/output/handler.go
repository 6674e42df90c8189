package output

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/internal/media"
)

// Provider gives outputs their frames.
type Provider interface {
	// Check returns an error if a rendition of a camera is not available at all.
	Check(cam *cameras.Camera, want media.Want) error

	// Subscribe starts a rendition of a camera if it does not run.
	Subscribe(
		ctx context.Context, cam *cameras.Camera, want media.Want, by transcode.Principal,
		as cameras.Subscriber,
	) (*cameras.Subscription, error)

	// Still returns a picture that is at most maxAge old. It waits for one up to wait.
	Still(
		ctx context.Context, cam *cameras.Camera, want media.Want, maxAge, wait time.Duration,
		by transcode.Principal,
	) (*stream.Packet, error)
}

// Timing is how long outputs wait.
type Timing struct {
	FirstFrame  time.Duration // for the first frame of a camera
	Idle        time.Duration // without a frame, before the last one is repeated and the connection is checked
	Placeholder time.Duration // without a frame, before a placeholder replaces the last one
	Stop        time.Duration // for a write in progress when the hub stops
}

// DefaultTiming returns the usual Timing.
func DefaultTiming() Timing {
	return Timing{
		FirstFrame: 5 * time.Second, Idle: time.Second, Placeholder: 5 * time.Second, Stop: 2 * time.Second,
	}
}

// Config is what a Handler needs.
type Config struct {
	Viewers      *viewers.Tracker
	Provider     Provider
	Timing       *Timing
	WriteTimeout func() time.Duration // how long a write to a client may take
	Log          *slog.Logger
}

// Handler serves cameras in HTTP outputs.
type Handler struct {
	cfg       Config
	responses sync.WaitGroup // those that continue after Serve
}

// NewHandler returns a Handler.
func NewHandler(cfg Config) *Handler { return &Handler{cfg: cfg} }

// Wait returns when all responses have ended. Their context must have ended before.
func (h *Handler) Wait() { h.responses.Wait() }

// errAnswered says that the response has begun, so that the error in it cannot become the answer.
var errAnswered = errors.New("the response has begun")

// Serve answers a client's request for a camera in an output. The response may continue after Serve has returned, until
// ctx ends. An error becomes the answer: nothing has been sent then.
func (h *Handler) Serve(
	ctx context.Context, w http.ResponseWriter, r *http.Request, client viewers.Client, cam *cameras.Camera,
	o HTTPOutput, query url.Values,
) error {
	req, err := ParseRequest(o.Spec(), cam.ID(), query)
	if err != nil {
		return err
	}
	if err := h.cfg.Provider.Check(cam, req.Want); err != nil {
		return err
	}
	if err := authz.CheckFormat(client.Principal, req.Camera, req.Output); err != nil {
		return err
	}
	v, err := h.cfg.Viewers.Add(ctx, client, req.Camera, req.Output)
	if err != nil {
		return err
	}
	x := &Exchange{Request: req, Camera: cam, Viewer: v, handler: h, contentType: o.Spec().ContentType}
	defer func() {
		if !x.opened {
			h.cfg.Viewers.Remove(v)
		}
	}()
	if err = o.Serve(w, r, x); errors.Is(err, errAnswered) {
		h.cfg.Log.Debug("answer cut short", "path", r.URL.Path, "err", err)
		return nil
	}
	return err
}
