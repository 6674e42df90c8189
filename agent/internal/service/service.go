// Package service answers the requests of hubs and consumers to one camera: the NATS micro service "camera" (ADR-32)
// with its verbs.
//
// It speaks the micro protocol itself, with the types of nats.go/micro. That package's service answers $SRV
// questions and queues requests without any limit, and has no hook to add one. An agent must limit what consumers and
// viewers cost it.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

var (
	// ErrUnsupported is returned by a camera that cannot do what was asked.
	ErrUnsupported = errors.New("this camera's source cannot do that")

	// ErrBadRequest is returned by a camera that was asked for something that is not allowed.
	ErrBadRequest = errors.New("not possible")
)

// Camera is what the verbs act upon.
type Camera interface {
	Status() status.Status
	Info() status.Status
	Bitrate() int64 // bits per second captured, over the last seconds; 0 if that is not known
	Configure(status.Settings) error
	Wake()
	RequestKeyFrame() error
	Snapshot(ctx context.Context) (frame.Frame, error)
}

// Service answers for one camera until it is stopped.
type Service struct {
	space   subject.Space
	camera  Camera
	log     *slog.Logger
	publish func(*nats.Msg) error
	maxSize func() int64 // the largest message that NATS accepts

	discovery discovery
	endpoints []*endpoint
	subs      []*nats.Subscription

	limits  limits
	excess  refusalLog
	waiting snapshotQueue
}

// Serve registers camera as a NATS micro service named "camera". ctx ends waiting requests. Stop the service it
// returns after that.
func Serve(ctx context.Context, nc *nats.Conn, space subject.Space, camera Camera, log *slog.Logger) (*Service, error) {
	s := newService(space, camera, log)
	s.publish, s.maxSize = nc.PublishMsg, nc.MaxPayload
	for _, e := range s.endpoints {
		// No queue group: when two agents have one id, both hear it.
		if err := s.subscribe(nc, e.subject, func(msg *nats.Msg) { s.handle(ctx, e, msg) }); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	for subj, answer := range s.discovery.questions() {
		if err := s.subscribe(nc, subj, func(msg *nats.Msg) { s.discover(msg, answer) }); err != nil {
			return nil, errors.Join(err, s.Stop())
		}
	}
	return s, nil
}

func newService(space subject.Space, camera Camera, log *slog.Logger) *Service {
	st := camera.Status()
	s := &Service{
		space: space, camera: camera, log: log.With(logkey.Camera, st.Camera),
		maxSize: func() int64 { return frame.MaxPayload }, limits: newLimits(),
		waiting: snapshotQueue{each: make(map[string]int)},
	}
	s.endpoints = []*endpoint{
		{verb: subject.Info, act: s.info},
		{verb: subject.Wake, act: s.wake},
		{verb: subject.KeyFrame, act: s.keyFrame},
		{verb: subject.Snapshot, act: s.snapshot},
		{verb: subject.Configure, act: s.configure},
	}
	for _, e := range s.endpoints {
		e.subject = space.Do(st.Camera, e.verb)
	}
	s.discovery = newDiscovery(st, space, s.endpoints)
	return s
}

// subscribe calls f with each message to a subject. The number of waiting messages is limited, so a flood cannot fill
// the Pi's memory.
func (s *Service) subscribe(nc *nats.Conn, subj string, f nats.MsgHandler) error {
	sub, err := nc.Subscribe(subj, f)
	if err != nil {
		return fmt.Errorf("serve %s: %w", subj, err)
	}
	s.subs = append(s.subs, sub)
	if err := sub.SetPendingLimits(maxPending, maxPendingBytes); err != nil {
		return fmt.Errorf("serve %s: %w", subj, err)
	}
	return nil
}

// Stop ends the service and waits for pending snapshots. A lost or closed connection is no error.
func (s *Service) Stop() error {
	s.waiting.stop()
	var errs []error
	for _, sub := range s.subs {
		err := sub.Unsubscribe()
		if err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
			errs = append(errs, fmt.Errorf("stop serving %s: %w", sub.Subject, err))
		}
	}
	return errors.Join(errs...)
}

// endpoint is one verb of the service.
type endpoint struct {
	verb    subject.Verb
	subject string
	act     func(context.Context, *request)

	mu    sync.Mutex
	stats stats // guarded by mu
}

// request is one request to an endpoint.
type request struct {
	endpoint *endpoint
	service  *Service
	reply    string
	data     []byte
}

// handle answers one request if the answer would go to an inbox. A consumer of one camera must not be able to have its
// picture published as another camera's.
func (s *Service) handle(ctx context.Context, e *endpoint, msg *nats.Msg) {
	if s.space.Owns(msg.Reply) || strings.HasPrefix(msg.Reply, "$") {
		s.log.Debug("request ignored: its answer would not go to an inbox", logkey.Subject, msg.Subject,
			"reply", msg.Reply)
		return
	}
	began := time.Now()
	e.act(ctx, &request{e, s, msg.Reply, msg.Data})
	e.count(time.Since(began))
}

// respond answers with a payload.
func (r *request) respond(data []byte) { r.send(&nats.Msg{Subject: r.reply, Data: data}) }

// send sends an answer if the request has a reply subject: a hub that wakes a camera gives none.
func (r *request) send(msg *nats.Msg) {
	if r.reply != "" {
		r.logUnsent(r.service.publish(msg))
	}
}

// logUnsent logs an answer that could not be sent: it cannot be reported in another way.
func (r *request) logUnsent(err error) {
	if err != nil {
		r.service.log.Warn("answer not sent", logkey.Subject, r.endpoint.subject, logkey.Err, err)
	}
}
