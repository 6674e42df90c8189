// Package control answers what a hub or anybody else asks of one camera: the NATS micro service "camera" with its verbs.
package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/logkey"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

const (
	// snapshotTimeout bounds how long a snapshot waits for a picture: a cold camera needs its time.
	snapshotTimeout = 5 * time.Second

	// maxSnapshots bounds how many requests wait for a picture at once.
	maxSnapshots = 64
)

var (
	// ErrUnsupported is returned by a camera that cannot do what was asked.
	ErrUnsupported = errors.New("this camera's source cannot do that")

	// ErrBadRequest is returned by a camera that was asked for something that is not allowed.
	ErrBadRequest = errors.New("not possible")
)

var (
	errNoPicture = fmt.Errorf("none came within %v", snapshotTimeout)
	errBusy      = fmt.Errorf("%d snapshots are waiting for a picture already, or the agent is stopping: ask again later", maxSnapshots)
)

// Camera is what the verbs act upon.
type Camera interface {
	Status() status.Status
	Info() status.Status
	Configure(status.Settings) error
	Wake()
	RequestKeyFrame() error
	Snapshot(ctx context.Context) (frame.Frame, error)
}

// Service answers for one camera until it is stopped.
type Service struct {
	micro  micro.Service
	nc     *nats.Conn
	camera Camera
	log    *slog.Logger

	mu      sync.Mutex
	waiting int  // snapshots; guarded by mu
	stopped bool // guarded by mu

	snapshots sync.WaitGroup
}

// Serve registers camera as a NATS micro service named "camera". ctx ends waiting requests. Stop the service it returns after that.
func Serve(ctx context.Context, nc *nats.Conn, space subject.Space, camera Camera, log *slog.Logger) (*Service, error) {
	st := camera.Status()
	svc, err := micro.AddService(nc, micro.Config{
		Name:        subject.Service,
		Version:     st.Agent,
		Description: fmt.Sprintf("camera %s on %s", st.Camera, st.Host),
		Metadata:    map[string]string{"camera": st.Camera, "host": st.Host, "format": string(st.Format), "root": space.Root()},
	})
	if err != nil {
		return nil, fmt.Errorf("register camera %s as a NATS micro service: %w", st.Camera, err)
	}
	s := &Service{micro: svc, nc: nc, camera: camera, log: log.With(logkey.Camera, st.Camera)}
	verbs := map[subject.Verb]func(context.Context, micro.Request){
		subject.Info:      s.info,
		subject.Wake:      s.wake,
		subject.KeyFrame:  s.keyFrame,
		subject.Snapshot:  s.snapshot,
		subject.Configure: s.configure,
	}
	for verb, handle := range verbs {
		handle := s.toInbox(space, handle)
		// No queue group: when two agents have one id, both hear it.
		err := svc.AddEndpoint(string(verb), micro.ContextHandler(ctx, handle),
			micro.WithEndpointSubject(space.Do(st.Camera, verb)), micro.WithEndpointQueueGroupDisabled())
		if err != nil {
			return nil, errors.Join(fmt.Errorf("serve %s: %w", space.Do(st.Camera, verb), err), s.Stop())
		}
	}
	return s, nil
}

// toInbox ignores a request whose answer would go to a camera's subject: who may ask one camera for a picture must not have it published as another's.
func (s *Service) toInbox(space subject.Space, handle func(context.Context, micro.Request)) func(context.Context, micro.Request) {
	return func(ctx context.Context, r micro.Request) {
		if space.Owns(r.Reply()) || strings.HasPrefix(r.Reply(), "$") {
			s.log.Debug("request ignored: its answer would not go to an inbox", logkey.Subject, r.Subject(), "reply", r.Reply())
			return
		}
		handle(ctx, r)
	}
}

// Stop ends the service and waits for snapshots that are being answered. A connection that is lost or closed is no error.
func (s *Service) Stop() error {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.snapshots.Wait()
	err := s.micro.Stop()
	if err == nil || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrConnectionReconnecting) {
		return nil
	}
	return fmt.Errorf("stop the micro service: %w", err)
}

func (s *Service) info(_ context.Context, r micro.Request) {
	data, err := json.Marshal(s.camera.Info())
	if err != nil {
		s.fail(r, "500", err)
		return
	}
	s.sent(r.Subject(), r.Reply(), r.Respond(data))
}

func (s *Service) wake(_ context.Context, r micro.Request) {
	s.camera.Wake()
	s.sent(r.Subject(), r.Reply(), r.Respond([]byte(`{"ok":true}`)))
}

func (s *Service) keyFrame(_ context.Context, r micro.Request) {
	if err := s.camera.RequestKeyFrame(); err != nil {
		s.fail(r, code(err), err)
		return
	}
	s.sent(r.Subject(), r.Reply(), r.Respond([]byte(`{"ok":true}`)))
}

// configure changes settings and answers as info does, with the values as they are now.
func (s *Service) configure(ctx context.Context, r micro.Request) {
	settings, err := status.DecodeSettings(r.Data())
	if err != nil {
		s.fail(r, "400", err)
		return
	}
	if err := s.camera.Configure(settings); err != nil {
		s.fail(r, code(err), err)
		return
	}
	s.log.Info("settings changed", "settings", string(r.Data()))
	s.info(ctx, r)
}

// code returns the error code of a camera's error, as HTTP has it.
func code(err error) string {
	switch {
	case errors.Is(err, ErrUnsupported):
		return "501"
	case errors.Is(err, ErrBadRequest):
		return "400"
	}
	return "500"
}

// snapshot answers from a goroutine of its own: micro has one for all requests of a verb, and a camera may need seconds for its picture.
func (s *Service) snapshot(ctx context.Context, r micro.Request) {
	reply, subj := r.Reply(), r.Subject() // r itself belongs to micro once this function returns
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.waiting >= maxSnapshots {
		s.fail(r, "503", errBusy)
		return
	}
	s.waiting++
	s.snapshots.Go(func() {
		s.sent(subj, reply, s.answerSnapshot(ctx, reply))
		s.mu.Lock()
		s.waiting--
		s.mu.Unlock()
	})
}

func (s *Service) answerSnapshot(ctx context.Context, reply string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, snapshotTimeout, errNoPicture)
	defer cancel()
	f, err := s.camera.Snapshot(ctx)
	if err != nil {
		if reason := s.camera.Status().Reason; reason != "" {
			err = fmt.Errorf("%w (%s)", err, reason)
		}
		return s.nc.PublishMsg(failure(reply, "503", err))
	}
	msg := &nats.Msg{Subject: reply, Header: nats.Header{}, Data: f.Payload}
	frame.Encode(frame.Header(msg.Header), &f)
	if err := s.nc.PublishMsg(msg); !errors.Is(err, nats.ErrMaxPayload) {
		return err
	}
	return s.nc.PublishMsg(failure(reply, "500", fmt.Errorf("a picture of %d bytes is larger than the NATS server's max_payload of %d: set max_payload to 8MB there",
		len(f.Payload), s.nc.MaxPayload())))
}

// failure is what micro's Request.Error sends.
func failure(reply, code string, err error) *nats.Msg {
	return &nats.Msg{Subject: reply, Header: nats.Header{micro.ErrorCodeHeader: {code}, micro.ErrorHeader: {err.Error()}}}
}

func (s *Service) fail(r micro.Request, code string, err error) {
	s.sent(r.Subject(), r.Reply(), r.Error(code, err.Error(), nil))
}

// sent logs an answer that could not be sent: nobody else can be told. A hub that wakes a camera wants no answer.
func (s *Service) sent(subj, reply string, err error) {
	if err != nil && reply != "" {
		s.log.Warn("answer not sent", logkey.Subject, subj, logkey.Err, err)
	}
}
