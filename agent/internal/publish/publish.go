// Package publish sends one camera's frames to NATS: only while there are subscribers, without old frames, and without
// blocking the capture loop.
//
// It knows nothing of sources. Requests to the camera are answered by package service.
package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// DefaultLinger is how long a stream stays live after its last subscriber left.
const DefaultLinger = 10 * time.Second

// Config says what a Publisher publishes.
type Config struct {
	Conn   *nats.Conn
	Space  subject.Space
	Camera string
	Format frame.Format
	Linger time.Duration // 0 means DefaultLinger
	Drops  *drop.Counters
	Log    *slog.Logger

	// RequestKeyFrame is called when an H.264 stream skips to the next key frame. The goroutine that calls Put and
	// that of Run call it. It may be nil. It must not block.
	RequestKeyFrame func()
}

// Publisher owns the frame subjects of one camera: the full-rate one and cam.<id>.still.
type Publisher struct {
	cfg   Config
	queue *queue
	main  *subjectPublisher
	still *subjectPublisher

	wake      chan struct{}
	reconnect chan struct{}
	sent      atomic.Uint64
	lastLoop  atomic.Int64           // when Run last went round its loop, in Unix nanoseconds
	fault     atomic.Pointer[string] // what keeps frames from being sent, and the remedy

	mu      sync.Mutex
	wanted  bool
	changed chan struct{} // closed and replaced when wanted changes
	waiters []chan frame.Frame

	// Owned by Run's goroutine.
	pinger       pinger
	liveness     liveness
	blockedSince time.Time // since when frames wait for a PONG; zero if they do not
	lostAt       time.Time // since when there is no connection; zero if there is one
	reconnects   uint64    // tells one connection from the next
	lastStill    time.Time
	faultEnd     time.Time // when fault is forgotten if frames can be sent
}

// New returns a Publisher. It starts nothing.
func New(cfg Config) *Publisher {
	if cfg.Linger <= 0 {
		cfg.Linger = DefaultLinger
	}
	p := &Publisher{
		cfg:       cfg,
		queue:     newQueue(cfg.Drops),
		main:      newSubjectPublisher(cfg.Conn, cfg.Space.Frames(cfg.Camera, cfg.Format), cfg.Linger, 0),
		still:     newSubjectPublisher(cfg.Conn, cfg.Space.Still(cfg.Camera), cfg.Linger, stillWait),
		wake:      make(chan struct{}, 1),
		reconnect: make(chan struct{}, 1),
		changed:   make(chan struct{}),
		pinger:    newPinger(cfg.Conn),
	}
	p.lastLoop.Store(time.Now().UnixNano())
	return p
}

// Run publishes until ctx ends.
func (p *Publisher) Run(ctx context.Context) error {
	inbox := p.cfg.Conn.NewInbox()
	answers := make(chan *nats.Msg, 16)
	sub, err := p.cfg.Conn.ChanSubscribe(inbox+".*.*", answers)
	if err != nil {
		return fmt.Errorf("subscribe to the inbox of camera %s: %w", p.cfg.Camera, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed already
	var pinging sync.WaitGroup
	pinging.Go(func() { p.pinger.run(ctx) })
	defer pinging.Wait()
	p.main.inbox, p.still.inbox = inbox+".main.", inbox+".still."
	p.reconnects = p.cfg.Conn.Stats().Reconnects

	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			p.setWanted(false)
			p.cfg.Drops.Add(drop.Gone, p.queue.clear())
			return nil
		case <-p.queue.ready:
			p.publishOne()
		case msg := <-answers:
			p.handleReply(msg, time.Now())
		case a := <-p.pinger.results:
			for len(answers) > 0 { // what came from the server before it
				p.handleReply(<-answers, time.Now())
			}
			p.handlePing(a, time.Now())
		case <-p.wake:
			p.main.interest.wake(time.Now())
		case <-p.reconnect: // tick does the rest
		case <-timer.C:
		}
		now := time.Now()
		p.lastLoop.Store(now.UnixNano())
		timer.Reset(time.Until(p.tick(now)))
	}
}

// Put takes a frame from the capture loop. It copies the payload and does not block.
func (p *Publisher) Put(f *frame.Frame) {
	if p.queue.put(f, time.Now()) {
		p.requestKeyFrame()
	}
	if f.Decodable() {
		p.serveWaiters(f)
	}
}

// Wake starts the stream without waiting for a question to be answered.
func (p *Publisher) Wake() { signal(p.wake) }

// Reconnected tells the publisher that there is a new connection, so that it asks for interest at once.
func (p *Publisher) Reconnected() { signal(p.reconnect) }

// Sent returns how many frames were published at full rate.
func (p *Publisher) Sent() uint64 { return p.sent.Load() }

// LastLoop returns when Run last went round its loop, which it does at least once a second.
func (p *Publisher) LastLoop() time.Time { return time.Unix(0, p.lastLoop.Load()) }

// Fault returns what keeps frames from being sent and the remedy, or "".
func (p *Publisher) Fault() string {
	if s := p.fault.Load(); s != nil {
		return *s
	}
	return ""
}

// WaitWanted returns when there is demand for frames (want) or none (!want), or with ctx's error.
func (p *Publisher) WaitWanted(ctx context.Context, want bool) error {
	for {
		p.mu.Lock()
		wanted, changed := p.wanted, p.changed
		p.mu.Unlock()
		if wanted == want {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// Snapshot wakes the camera and returns the next frame that decodes alone.
func (p *Publisher) Snapshot(ctx context.Context) (frame.Frame, error) {
	got := make(chan frame.Frame, 1)
	p.mu.Lock()
	p.waiters = append(p.waiters, got)
	p.mu.Unlock()
	p.Wake()
	select {
	case f := <-got:
		return f, nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	p.waiters = slices.DeleteFunc(p.waiters, func(w chan frame.Frame) bool { return w == got })
	p.mu.Unlock()
	return frame.Frame{}, fmt.Errorf("no picture from camera %s: %w", p.cfg.Camera, context.Cause(ctx))
}

func (p *Publisher) serveWaiters(f *frame.Frame) {
	p.mu.Lock()
	waiters := p.waiters
	p.waiters = nil
	p.mu.Unlock()
	if len(waiters) == 0 {
		return
	}
	c := *f
	c.Payload = append([]byte(nil), f.Payload...)
	for _, w := range waiters {
		w <- c
	}
}

// publishOne sends the oldest queued frame. It sends one at a time, so that Run handles answers and ctx between frames.
func (p *Publisher) publishOne() {
	now := time.Now()
	if p.main.interest.wanted && p.cfg.Conn.IsConnected() && !p.liveness.valid(now) {
		if p.blockedSince.IsZero() {
			p.blockedSince = now
		}
		return // a PONG will signal the queue
	}
	oldest := maxQueueAge
	if !p.blockedSince.IsZero() && now.Sub(p.blockedSince) > maxQueueAge { // after an outage, begin with what is new
		oldest = resumeAge
	}
	p.blockedSince = time.Time{}
	it, skip := p.queue.pop(now, oldest)
	if skip {
		p.requestKeyFrame()
	}
	if it == nil {
		return
	}
	p.liveness.frameArrived(it.queued)
	if p.reconnected(now) && !it.frame.Decodable() { // what it builds upon may have been lost with the old connection
		p.cfg.Drops.Add(drop.Gone, 1)
	} else {
		p.publish(&it.frame, now)
	}
	p.queue.release(it)
}

// reconnected reports, once, that there is a new connection. The loss may have been too short to be seen, and frames
// that were sent without an error may be lost.
func (p *Publisher) reconnected(now time.Time) bool {
	n := p.cfg.Conn.Stats().Reconnects
	if n == p.reconnects {
		return false
	}
	p.reconnects = n
	p.main.interest.forgetQuestions(now)
	p.still.interest.forgetQuestions(now)
	if p.cfg.Format == frame.H264 {
		p.queue.restart()
		p.requestKeyFrame()
	}
	return true
}

func (p *Publisher) publish(f *frame.Frame, now time.Time) {
	var err error
	if f.Decodable() && p.still.interest.wanted && now.Sub(p.lastStill) >= time.Second-20*time.Millisecond {
		if err = p.still.send(f, now); err == nil {
			p.lastStill = now
		}
	}
	if p.main.interest.wanted { // otherwise it was captured for stills only
		if err = p.main.send(f, now); err == nil {
			p.sent.Add(1)
		}
	}
	if err != nil {
		p.recordFailure(f, err, now)
	} else if p.fault.Load() != nil && now.After(p.faultEnd) {
		p.fault.Store(nil)
	}
}

// recordFailure counts a frame that could not be sent, and notes the reason.
func (p *Publisher) recordFailure(f *frame.Frame, err error, now time.Time) {
	oversize := errors.Is(err, nats.ErrMaxPayload)
	if oversize {
		p.cfg.Drops.Add(drop.Oversize, 1)
		p.setFault(fmt.Sprintf("a frame of %d bytes is larger than the NATS server's max_payload of %d: "+
			"set max_payload to 8MB there, or lower the camera's quality or size",
			len(f.Payload), p.cfg.Conn.MaxPayload()), now)
	} else { // no connection; the state of the connection is logged where it changes
		p.cfg.Drops.Add(drop.Gone, 1)
	}
	if f.Format != frame.H264 {
		return
	}
	p.queue.restart()
	// A new key frame helps: there is a connection, and it is not the key frame that is too large.
	if oversize && !f.Key {
		p.requestKeyFrame()
	}
}

// setFault keeps s for at least two status documents, even if only some frames fail.
func (p *Publisher) setFault(s string, now time.Time) {
	p.faultEnd = now.Add(2 * status.Interval)
	if p.fault.Swap(&s) == nil {
		p.cfg.Log.Warn("frames cannot be sent", logkey.Camera, p.cfg.Camera, logkey.Reason, s)
	}
}

func (p *Publisher) requestKeyFrame() {
	if p.cfg.Format == frame.H264 && p.cfg.RequestKeyFrame != nil {
		p.cfg.RequestKeyFrame()
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
