// Package control answers what a hub or anybody else asks of one camera: the NATS micro service "camera" with its verbs.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/logkey"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// snapshotTimeout bounds how long a snapshot waits for a picture: a cold camera needs its time.
const snapshotTimeout = 5 * time.Second

// ErrUnsupported is returned by a camera that cannot do what was asked.
var ErrUnsupported = errors.New("this camera's source cannot do that")

// Camera is what the verbs act upon.
type Camera interface {
	Status() status.Status
	Wake()
	RequestKeyFrame() error
	Snapshot(ctx context.Context) (frame.Frame, error)
}

// Serve registers camera as a NATS micro service named "camera". Stop the service it returns. ctx ends waiting requests.
func Serve(ctx context.Context, nc *nats.Conn, space subject.Space, camera Camera, log *slog.Logger) (micro.Service, error) {
	s := camera.Status()
	svc, err := micro.AddService(nc, micro.Config{
		Name:        subject.Service,
		Version:     s.Agent,
		Description: fmt.Sprintf("camera %s on %s", s.Camera, s.Host),
		Metadata:    map[string]string{"camera": s.Camera, "host": s.Host, "format": string(s.Format), "root": space.Root()},
	})
	if err != nil {
		return nil, fmt.Errorf("register camera %s as a NATS micro service: %w", s.Camera, err)
	}
	h := &handlers{camera, log.With(logkey.Camera, s.Camera)}
	verbs := map[subject.Verb]func(context.Context, micro.Request){
		subject.Info:     h.info,
		subject.Wake:     h.wake,
		subject.KeyFrame: h.keyFrame,
		subject.Snapshot: h.snapshot,
	}
	for verb, handle := range verbs {
		// No queue group: when two agents have one id, both hear it.
		err := svc.AddEndpoint(string(verb), micro.ContextHandler(ctx, handle),
			micro.WithEndpointSubject(space.Do(s.Camera, verb)), micro.WithEndpointQueueGroupDisabled())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("serve %s: %w", space.Do(s.Camera, verb), err), svc.Stop())
		}
	}
	return svc, nil
}

type handlers struct {
	camera Camera
	log    *slog.Logger
}

func (h *handlers) info(_ context.Context, r micro.Request) {
	data, err := json.Marshal(h.camera.Status())
	if err != nil {
		h.fail(r, "500", err)
		return
	}
	h.sent(r, r.Respond(data))
}

func (h *handlers) wake(_ context.Context, r micro.Request) {
	h.camera.Wake()
	h.sent(r, r.Respond([]byte(`{"ok":true}`)))
}

func (h *handlers) keyFrame(_ context.Context, r micro.Request) {
	if err := h.camera.RequestKeyFrame(); err != nil {
		code := "500"
		if errors.Is(err, ErrUnsupported) {
			code = "501"
		}
		h.fail(r, code, err)
		return
	}
	h.sent(r, r.Respond([]byte(`{"ok":true}`)))
}

func (h *handlers) snapshot(ctx context.Context, r micro.Request) {
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	f, err := h.camera.Snapshot(ctx)
	if err != nil {
		if reason := h.camera.Status().Reason; reason != "" {
			err = fmt.Errorf("%w (%s)", err, reason)
		}
		h.fail(r, "503", err)
		return
	}
	header := frame.Header{}
	frame.Encode(header, &f)
	h.sent(r, r.Respond(f.Payload, micro.WithHeaders(micro.Headers(header))))
}

func (h *handlers) fail(r micro.Request, code string, err error) {
	h.sent(r, r.Error(code, err.Error(), nil))
}

// sent logs an answer that could not be sent: nobody else can be told.
func (h *handlers) sent(r micro.Request, err error) {
	if err != nil {
		h.log.Warn("answer not sent", logkey.Subject, r.Subject(), logkey.Err, err)
	}
}
