// Package hubsync lets the hubs on a NATS system exchange logouts and compare their credentials.
//
// Hubs with the same root and the same link key use three subjects:
//
//   - bramble-hub.<root>.ended has sessions that ended by a logout. Repeating it does no harm.
//   - bramble-hub.<root>.state has a summary: on connecting, after a change of credentials, for a new hub, and once a
//     minute.
//   - bramble-hub.<root>.ask asks all hubs for their state, which comes within about a second.
//
// Each message is JSON and has two headers. Bramble-Mac is the hexadecimal HMAC-SHA256 of "bramble hub 1", a line feed,
// the subject, a line feed and the payload. Its key is derived from the link key. Bramble-Key names that key. Messages
// with a wrong MAC and messages of more than 64 KiB are ignored.
//
// A state has 64 digests of the known sessions. A session belongs to the digest of the first byte of SHA-256 of its
// user, modulo 64. If digests differ, a hub sends its sessions of these numbers, at most once in 5 s. A state whose
// time differs by more than 5 minutes says nothing about credentials.
package hubsync

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"golang.org/x/time/rate"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/subject"
)

const (
	// maxWaiting bounds the queued messages; lost ones are requested again.
	maxWaiting = 256

	// maxRate and maxBurst bound how many messages are read in a second: on an open NATS any client may send them.
	maxRate  = 200
	maxBurst = 400
)

// times are how long things take. Tests shorten them.
type times struct {
	stateInterval time.Duration // between two states of this hub
	checkInterval time.Duration // between two checks of the other hubs
	spread        time.Duration // range of the random delay before hubs react to the same event
	pushInterval  time.Duration // between two repetitions of log-outs for hubs that lack some
	askInterval   time.Duration // between two answers to requests for the state
	grace         time.Duration // in which another hub may follow a change, before a difference is logged
	forget        time.Duration // after which a silent hub is forgotten
	skew          time.Duration // by which another hub's clock may differ
}

func defaultTimes() times {
	return times{
		stateInterval: time.Minute, checkInterval: 5 * time.Second, spread: 250 * time.Millisecond,
		pushInterval: 5 * time.Second,
		askInterval:  time.Second, grace: 15 * time.Second, forget: 3 * time.Minute, skew: 5 * time.Minute,
	}
}

// Config is what a Sync needs.
type Config struct {
	Conn        *nats.Conn
	Space       subject.Space
	Credentials *credstore.Store
	Ended       *endedsessions.Store // logged-out sessions
	Version     string               // of the program
	Refused     metrics.Refused      // where to count messages that are refused
	Log         *slog.Logger
}

// Sync sends the events of this hub to the other hubs and receives theirs.
type Sync struct {
	cfg      Config
	times    times
	instance string
	name     string
	changed  chan struct{} // holds a token when credentials have changed
	others   *otherHubs

	// Owned by Run's goroutine.
	limiter    *rate.Limiter
	seq        uint64
	lastState  time.Time // when the state was last sent
	lastAsk    time.Time // when other hubs were last asked for theirs
	lastPush   time.Time // when ended sessions were last sent again
	lacking    [endedsessions.Buckets]bool
	stateTimer *time.Timer // runs while the state is to be sent soon
	pushTimer  *time.Timer // runs while another hub lacks ended sessions
}

// New returns a Sync. It starts nothing.
func New(cfg Config) *Sync {
	cfg.Refused = cfg.Refused.OrNew()
	id := make([]byte, 8)
	_, _ = rand.Read(id)     // never fails
	name, _ := os.Hostname() // "" if this host has none
	if len(name) > maxName { // no host name is longer
		name = name[:maxName]
	}
	s := &Sync{
		cfg: cfg, times: defaultTimes(), instance: hex.EncodeToString(id), name: name, changed: make(chan struct{}, 1),
		others: newOtherHubs(cfg.Log), limiter: rate.NewLimiter(maxRate, maxBurst),
	}
	cfg.Credentials.OnChange(func(*credstore.Snapshot) {
		select {
		case s.changed <- struct{}{}:
		default:
		}
	})
	return s
}

// Others returns the hubs that were heard recently.
func (s *Sync) Others() []Other { return s.others.list() }

// Run exchanges messages with the other hubs until ctx ends.
func (s *Sync) Run(ctx context.Context) error {
	messages := make(chan *nats.Msg, maxWaiting)
	all := s.cfg.Space.Hub("*")
	sub, err := s.cfg.Conn.ChanSubscribe(all, messages)
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", all, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed already
	connected := s.cfg.Conn.StatusChanged(nats.CONNECTED)
	defer s.cfg.Conn.RemoveStatusListener(connected)
	s.stateTimer, s.pushTimer = stoppedTimer(), stoppedTimer()
	defer s.stateTimer.Stop()
	defer s.pushTimer.Stop()
	tick := time.NewTicker(s.times.checkInterval)
	defer tick.Stop()
	s.sendState()
	for {
		select {
		case <-ctx.Done():
			s.sendEnded(s.cfg.Ended.TakeNews())
			return nil
		case msg := <-messages:
			s.receive(msg, time.Now())
		case <-s.cfg.Ended.News():
			s.sendEnded(s.cfg.Ended.TakeNews())
		case <-connected:
			s.sendState()
		case <-s.changed:
			s.others.compare(s.edition(), time.Now())
			s.sendState()
		case <-s.stateTimer.C:
			s.sendState()
		case <-s.pushTimer.C:
			s.pushLacking()
		case now := <-tick.C:
			if s.others.check(now, s.times) && now.Sub(s.lastAsk) >= s.times.grace {
				s.lastAsk = now
				s.publish(subject.HubAsk, message{Ask: true})
			}
			if now.Sub(s.lastState) >= s.times.stateInterval {
				s.sendState()
			}
		}
	}
}

// stoppedTimer returns a timer that does not run.
func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// edition returns the edition of this hub's credentials.
func (s *Sync) edition() credstore.Edition {
	e, err := s.cfg.Credentials.Snapshot().Edition()
	if err != nil { // only for a document that JSON cannot encode
		s.cfg.Log.Error("the credentials cannot be compared with those of other hubs", logkey.Err, err)
	}
	return e
}

// publish sends a message to the other hubs, if there is a key.
// Without a connection the message is lost; hubs compare their states after they reconnect.
func (s *Sync) publish(what string, m message) {
	key := s.cfg.Credentials.Snapshot().HubKey()
	if key == nil {
		return
	}
	m.Instance = s.instance
	msg, err := seal(key, s.cfg.Space.Hub(what), m)
	if err == nil {
		err = s.cfg.Conn.PublishMsg(msg)
	}
	if err != nil {
		s.cfg.Log.Debug("other hubs get this later", logkey.Err, err)
	}
}

func (s *Sync) sendEnded(list []endedsessions.Entry) {
	for _, page := range pages(list) {
		s.publish(subject.HubEnded, message{Ended: page})
	}
}

func (s *Sync) sendState() {
	s.stateTimer.Stop()
	s.seq++
	s.lastState = time.Now()
	s.publish(subject.HubState, message{State: &state{
		Name: s.name, Version: s.cfg.Version, Time: s.lastState.UTC(), Seq: s.seq,
		Ended: s.cfg.Ended.Digests(), Credentials: s.edition(),
	}})
}

// pushLacking sends the ended sessions again that other hubs lack.
func (s *Sync) pushLacking() {
	s.lastPush = time.Now()
	s.sendEnded(s.cfg.Ended.List(func(bucket int) bool { return s.lacking[bucket] }))
	s.lacking = [endedsessions.Buckets]bool{}
}

// receive handles a message from another hub.
func (s *Sync) receive(msg *nats.Msg, now time.Time) {
	key := s.cfg.Credentials.Snapshot().HubKey()
	if key == nil || !s.limiter.AllowN(now, 1) {
		s.cfg.Refused.Inc(metrics.RefusedHub)
		return
	}
	m, err := open(key, msg)
	if m.Instance == s.instance {
		return
	}
	if err == nil && len(m.Ended) > 0 {
		_, err = s.cfg.Ended.Merge(m.Ended, now)
	}
	if err != nil {
		s.cfg.Refused.Inc(metrics.RefusedHub)
		if errors.Is(err, errForeignKey) {
			s.others.addForeign(now)
		}
		return
	}
	if m.State != nil {
		s.receiveState(m.Instance, *m.State, now)
	}
	if m.Ask {
		s.stateTimer.Reset(max(s.randomDelay(), s.lastState.Add(s.times.askInterval).Sub(now)))
	}
}

// receiveState compares the state of another hub with the state of this one.
func (s *Sync) receiveState(instance string, st state, now time.Time) {
	fresh, known := s.others.update(instance, st, s.edition(), now, s.times)
	if !fresh {
		return
	}
	if !known {
		s.stateTimer.Reset(s.randomDelay())
	}
	waiting := false
	own := s.cfg.Ended.Digests()
	differs := false
	for i := range own {
		waiting = waiting || s.lacking[i]
		if own[i] != st.Ended[i] && own[i] != 0 { // 0: this hub has none
			s.lacking[i], differs = true, true
		}
	}
	if differs && !waiting {
		s.pushTimer.Reset(max(s.randomDelay(), s.lastPush.Add(s.times.pushInterval).Sub(now)))
	}
}

// randomDelay returns a random delay, so that not all hubs answer at once.
func (s *Sync) randomDelay() time.Duration {
	return mathrand.N(s.times.spread) + 1 //nolint:gosec // no secret
}
