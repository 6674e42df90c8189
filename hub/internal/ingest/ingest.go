// Package ingest is the hub's side of NATS: it finds cameras, receives their frames and sends requests to their agents.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/natsconn"
	"github.com/bramble-cam/bramble/internal/natsconn/headerlimit"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/request"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// discoverTime is how long agents have to answer a discovery.
const discoverTime = time.Second

// statusTick is how often the hub checks whether to subscribe again to cameras that were suspended.
const statusTick = 500 * time.Millisecond

var errInvalidAnswer = errors.New("the answer is invalid")

var errSlowConsumer = errors.New("the hub cannot keep up with this subject: it needs a faster machine or fewer viewers")

// Ingest is the hub's connection to NATS, and a second one for cameras that send too much.
type Ingest struct {
	nc       *nats.Conn
	bulk     bulkConn
	limits   Limits
	refused  metrics.Refused
	space    subject.Space
	log      *slog.Logger
	closed   chan struct{}
	newConns chan struct{} // holds a token after a connection was made

	dropLog        *dropLog
	statusRequests *statusRequests

	statuses *statuses
}

// Observer gets the status documents of agents.
type Observer interface {
	OnStatus(status.Status)
	OnReconnect()
}

// Config is what an Ingest needs.
type Config struct {
	URL    string // of NATS; several are joined by commas
	Space  subject.Space
	Trust  tlstrust.Settings
	Limits Limits
	Log    *slog.Logger

	Refused metrics.Refused // where to count what is refused
}

// Dial connects to NATS and never gives up. It returns at once, connected or not. extra may hold
// nats.InProcessServer. The error concerns the URL and the trust settings only.
func Dial(cfg Config, extra ...nats.Option) (*Ingest, error) {
	trusts, err := cfg.Trust.Options()
	if err != nil {
		return nil, err
	}
	log := cfg.Log
	policy := natsconn.NewReconnectPolicy(log, func(err error) (what string, remedy error) {
		return explainRefusal(cfg.Trust, err)
	})
	in := &Ingest{
		space: cfg.Space, limits: cfg.Limits, refused: cfg.Refused.OrNew(), log: log, dropLog: newDropLog(log),
		closed: make(chan struct{}), newConns: make(chan struct{}, 1),
	}
	in.statuses = newStatuses(in)
	in.statusRequests = newStatusRequests(func(ctx context.Context, camera string) (status.Status, error) {
		return in.request(ctx, camera, subject.Info, nil)
	})
	connected := func(again string) nats.ConnHandler {
		return func(nc *nats.Conn) {
			log.Info("connected to NATS"+again, "url", nc.ConnectedUrlRedacted())
			select {
			case in.newConns <- struct{}{}:
			default:
			}
		}
	}
	limited := headerlimit.Options(cfg.URL, net.Dialer{Timeout: time.Second}, cfg.Trust)
	common := in.options(policy, slices.Concat(limited, trusts, extra))
	nc, err := nats.Connect(cfg.URL, append(common,
		nats.ConnectHandler(connected("")),
		nats.ReconnectHandler(connected(" again")),
		nats.ClosedHandler(func(*nats.Conn) { close(in.closed) }))...)
	if err != nil {
		return nil, fmt.Errorf("NATS: %w", err)
	}
	in.nc = nc
	in.bulk.dial = func(more ...nats.Option) (*nats.Conn, error) {
		return nats.Connect(cfg.URL, append(common, more...)...)
	}
	policy.SetConn(nc)
	return in, nil
}

// options are those of both connections. Its slice has no room, so that each can append its own.
func (in *Ingest) options(policy *natsconn.ReconnectPolicy, more []nats.Option) []nats.Option {
	return slices.Clip(append([]nats.Option{
		nats.Name("bramble-hub"),
		nats.Timeout(time.Second),
		nats.FlusherTimeout(time.Second),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // the hub may be made known there while it waits
		nats.CustomReconnectDelay(policy.Delay),
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				in.log.Warn("connection to NATS lost, trying again until it returns", logkey.Err, err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			policy.LogRefusal(err) // of the first attempt; Delay logs those of later ones
			in.log.Debug("NATS cannot be reached yet", logkey.Err, err)
		}),
		nats.ErrorHandler(in.asyncError),
	}, more...))
}

func (in *Ingest) asyncError(_ *nats.Conn, sub *nats.Subscription, err error) {
	subj := ""
	if sub != nil {
		subj = sub.Subject
	}
	switch {
	case errors.Is(err, nats.ErrBadHeaderMsg): // the message comes all the same, and is judged where it arrives
	case errors.Is(err, nats.ErrSlowConsumer):
		in.dropLog.report(subj, errSlowConsumer)
	default:
		in.log.Warn("NATS reports an error", logkey.Subject, subj, logkey.Err, err)
	}
}

// Close ends the connections and returns when they have ended.
func (in *Ingest) Close() {
	in.statusRequests.end()
	in.bulk.close()
	in.nc.Close()
	<-in.closed
}

// Conn returns the connection, for the messages between hubs.
func (in *Ingest) Conn() *nats.Conn { return in.nc }

// Connected reports whether NATS can be reached.
func (in *Ingest) Connected() bool { return in.nc.IsConnected() }

// Reconnects returns how often the connection was lost and restored.
func (in *Ingest) Reconnects() uint64 { return in.nc.Stats().Reconnects }

// Run finds cameras and hands their status to o until ctx ends.
func (in *Ingest) Run(ctx context.Context, o Observer) error {
	err := in.statuses.begin(func(camera string, msg *nats.Msg) {
		s, err := decodeStatus(camera, msg.Data)
		if err != nil {
			in.refused.Inc(metrics.RefusedStatus)
			in.dropLog.report(msg.Subject, err)
			return
		}
		o.OnStatus(s)
	})
	if err != nil {
		return err
	}
	defer in.statuses.end()
	tick := time.NewTicker(statusTick)
	defer tick.Stop()
	var looked time.Time // when the hub last asked for cameras that it cannot hear
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-in.newConns: // the first connection too, though it may have been made before Run
			o.OnReconnect()
			in.discover(ctx, o, func(string) bool { return false })
		case now := <-tick.C:
			in.statuses.tick(now)
			switch apart := in.statuses.perCamera(); {
			case !apart:
				looked = time.Time{}
			case now.Sub(looked) >= status.Interval:
				in.discover(ctx, o, in.statuses.subscribed)
				looked = now
			}
		}
	}
}

func decodeStatus(camera string, data []byte) (status.Status, error) {
	s, err := status.Decode(data)
	if err == nil && s.Camera != camera {
		err = fmt.Errorf("a status document of camera %s", s.Camera)
	}
	return s, err
}

// discover asks which agents are connected, and asks unknown ones for their status.
// An agent that is too slow to answer is found by its next status.
func (in *Ingest) discover(ctx context.Context, o Observer, known func(camera string) bool) {
	ctx, cancel := context.WithTimeout(ctx, discoverTime)
	defer cancel()
	asked := make(map[string]bool)
	var answers sync.WaitGroup
	defer answers.Wait()
	subj := micro.APIPrefix + ".INFO." + subject.Service
	err := in.requestMany(ctx, subj, func(msg *nats.Msg) {
		info, err := decodeInfo(msg.Data)
		if err != nil {
			in.refused.Inc(metrics.RefusedInfo)
			in.dropLog.report(subj, err)
			return
		}
		camera := info.Metadata["camera"]
		if info.Metadata["root"] != in.space.Root() || subject.ValidateID(camera) != nil || asked[camera] || known(camera) ||
			len(asked) >= cameras.DefaultMaxCameras {
			return
		}
		asked[camera] = true
		answers.Go(func() {
			s, err := in.RequestStatus(ctx, camera)
			switch {
			case err == nil:
				in.statuses.onDiscovered(camera, time.Now())
				o.OnStatus(s)
			case ctx.Err() == nil:
				in.dropLog.report(in.space.Do(camera, subject.Info), err)
			}
		})
	})
	if err != nil && in.Connected() {
		in.log.Warn("cameras cannot be searched for; they are found when they report", logkey.Err, err)
	}
}

// requestMany publishes an empty request and calls f with every answer until ctx ends.
// The server's answer that there are no responders does not end the wait.
// Any agent could forge that answer, or send too many others, to hide the rest of the agents.
func (in *Ingest) requestMany(ctx context.Context, subj string, f func(*nats.Msg)) error {
	inbox := request.Inbox(in.nc)
	sub, err := in.nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed already
	if err := sub.SetPendingLimits(maxStatuses, maxStatusBytes); err != nil {
		return err
	}
	if err := in.nc.PublishRequest(subj, inbox, nil); err != nil {
		return err
	}
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		switch {
		case err == nil:
			f(msg)
		case errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrSlowConsumer): // an agent may have forged it
		default: // ctx has ended, or the connection is closed
			return nil //nolint:nilerr // the end of the question is no error
		}
	}
}

// RequestKeyFrame asks the camera's agent for a key frame.
func (in *Ingest) RequestKeyFrame(camera string) { in.publish(camera, subject.KeyFrame) }

// OverloadReason tells an operator why frames beyond the limits of a camera are dropped, and what to do.
func (in *Ingest) OverloadReason() string { return in.limits.overloadReason() }

// Wake asks the camera's agent to start it.
func (in *Ingest) Wake(camera string) { in.publish(camera, subject.Wake, subject.KeyFrame) }

// publish sends requests to the camera's agent that need no answer.
func (in *Ingest) publish(camera string, verbs ...subject.Verb) {
	for _, verb := range verbs {
		if err := in.nc.Publish(in.space.Do(camera, verb), nil); err != nil {
			in.log.Debug("not woken", logkey.Camera, camera, logkey.Err, err) // the agent's probe finds the subscription
			return
		}
	}
}

// RequestStatus returns the camera's status from its agent, with its controls.
// Concurrent callers share one question, and its answer for half a second. The status must not be changed.
func (in *Ingest) RequestStatus(ctx context.Context, camera string) (status.Status, error) {
	return in.statusRequests.do(ctx, camera)
}

// Configure changes settings of the camera, a JSON document of status.Settings, and returns its status after that.
// The error is a cameras.RefusedError if the agent does not do so.
func (in *Ingest) Configure(ctx context.Context, camera string, settings []byte) (status.Status, error) {
	s, err := in.request(ctx, camera, subject.Configure, settings)
	in.statusRequests.invalidate(camera, nil) // an earlier answer is out of date
	return s, err
}

// request asks the camera's agent for something that is answered with a status.
func (in *Ingest) request(ctx context.Context, camera string, verb subject.Verb, data []byte) (status.Status, error) {
	subj := in.space.Do(camera, verb)
	msg, err := request.Do(ctx, in.nc, subj, data)
	if errors.Is(err, nats.ErrNoResponders) {
		return status.Status{}, cameras.ErrNoAgent
	}
	if err != nil {
		return status.Status{}, fmt.Errorf("%s: %w", subj, err)
	}
	if text := msg.Header.Get(micro.ErrorCodeHeader); text != "" {
		code, err := strconv.Atoi(text)
		if err != nil || code < 400 || code > 599 {
			code = 500
		}
		reason := printable.Line(msg.Header.Get(micro.ErrorHeader), maxReason)
		return status.Status{}, fmt.Errorf("%s: %w", subj, &cameras.RefusedError{Code: code, Reason: reason})
	}
	s, err := decodeStatus(camera, msg.Data)
	if err != nil {
		in.refused.Inc(metrics.RefusedAnswer)
		return s, fmt.Errorf("%s: %w: %w", subj, errInvalidAnswer, err)
	}
	return s, nil
}
