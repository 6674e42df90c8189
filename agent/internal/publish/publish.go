// Package publish sends one camera's frames to NATS: only while somebody wants them, never older than they need be, and never
// making the capture loop wait.
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

	// Skipped is called when an H.264 stream skips to the next key frame, so that the encoder can be asked for one: by the goroutine that
	// calls Put, and by that of Run. It may be nil; it does not block.
	Skipped func()
}

// Publisher owns the frame subjects of one camera: the full-rate one and cam.<id>.still.
type Publisher struct {
	cfg   Config
	queue *queue
	main  *outlet
	still *outlet

	wake      chan struct{}
	reconnect chan struct{}
	sent      atomic.Uint64
	turned    atomic.Int64           // when Run last went round, Unix nanoseconds
	fault     atomic.Pointer[string] // what keeps frames from being sent, and the remedy

	mu      sync.Mutex
	wanted  bool
	changed chan struct{} // closed and replaced when wanted changes
	waiters []chan frame.Frame

	// Owned by Run's goroutine.
	pinger     pinger
	proof      proof
	held       time.Time // since when frames wait for a sign of life; zero if they do not
	lostAt     time.Time // since when there is no connection; zero if there is one
	reconnects uint64    // tells one connection from the next
	lastStill  time.Time
	faultEnd   time.Time // when fault is forgotten if frames can be sent
}

// New returns a Publisher. It starts nothing.
func New(cfg Config) *Publisher {
	if cfg.Linger <= 0 {
		cfg.Linger = DefaultLinger
	}
	p := &Publisher{
		cfg:       cfg,
		queue:     newQueue(cfg.Drops),
		main:      newOutlet(cfg.Conn, cfg.Space.Frames(cfg.Camera, cfg.Format), cfg.Linger, 0),
		still:     newOutlet(cfg.Conn, cfg.Space.Still(cfg.Camera), cfg.Linger, stillPatience),
		wake:      make(chan struct{}, 1),
		reconnect: make(chan struct{}, 1),
		changed:   make(chan struct{}),
		pinger:    newPinger(cfg.Conn),
	}
	p.turned.Store(time.Now().UnixNano())
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
			p.answer(msg, time.Now())
		case a := <-p.pinger.pongs:
			for len(answers) > 0 { // what the server said before it
				p.answer(<-answers, time.Now())
			}
			p.alive(a, time.Now())
		case <-p.wake:
			p.main.interest.wake(time.Now())
		case <-p.reconnect: // tick does the rest
		case <-timer.C:
		}
		now := time.Now()
		p.turned.Store(now.UnixNano())
		timer.Reset(time.Until(p.tick(now)))
	}
}

// Put takes a frame from the capture loop. It copies the payload and does not block.
func (p *Publisher) Put(f *frame.Frame) {
	if p.queue.put(f, time.Now()) {
		p.skipped()
	}
	if f.Decodable() {
		p.serveWaiters(f)
	}
}

// Wake starts the stream without waiting for a probe.
func (p *Publisher) Wake() { poke(p.wake) }

// Reconnected tells the publisher that a new connection stands, so that it asks for interest at once.
func (p *Publisher) Reconnected() { poke(p.reconnect) }

// Sent returns how many frames were published at full rate.
func (p *Publisher) Sent() uint64 { return p.sent.Load() }

// Turned returns when Run last went on: it does so at least once a second.
func (p *Publisher) Turned() time.Time { return time.Unix(0, p.turned.Load()) }

// Fault returns what keeps frames from being sent and the remedy, or "".
func (p *Publisher) Fault() string {
	if s := p.fault.Load(); s != nil {
		return *s
	}
	return ""
}

// WaitWanted returns when somebody wants frames (want) or nobody does (!want), or with ctx's error.
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

// publishOne sends the oldest frame that waits. One at a time: answers and ctx must be heard between frames, also when they never end.
func (p *Publisher) publishOne() {
	now := time.Now()
	if p.main.interest.wanted && p.cfg.Conn.IsConnected() && !p.proof.valid(now) {
		if p.held.IsZero() {
			p.held = now
		}
		return // until a sign of life pokes the queue
	}
	oldest := maxQueueAge
	if !p.held.IsZero() && now.Sub(p.held) > maxQueueAge { // after an outage, begin with what is new
		oldest = freshAge
	}
	p.held = time.Time{}
	it, skip := p.queue.take(now, oldest)
	if skip {
		p.skipped()
	}
	if it == nil {
		return
	}
	p.proof.came(it.queued)
	if p.renewed(now) && !it.frame.Decodable() { // what it builds upon may have been lost with the old connection
		p.cfg.Drops.Add(drop.Gone, 1)
	} else {
		p.publish(&it.frame, now)
	}
	p.queue.release(it)
}

// renewed reports, once, that there is a new connection: the loss itself may have been too short to be seen, and frames that were sent
// without an error may have been lost with it.
func (p *Publisher) renewed(now time.Time) bool {
	n := p.cfg.Conn.Stats().Reconnects
	if n == p.reconnects {
		return false
	}
	p.reconnects = n
	p.main.interest.void(now)
	p.still.interest.void(now)
	if p.cfg.Format == frame.H264 {
		p.queue.restart()
		p.skipped()
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
	if p.main.interest.wanted { // else it was captured for stills only, and nobody misses it
		if err = p.main.send(f, now); err == nil {
			p.sent.Add(1)
		}
	}
	if err != nil {
		p.failed(f, err, now)
	} else if p.fault.Load() != nil && now.After(p.faultEnd) {
		p.fault.Store(nil)
	}
}

// failed counts a frame that could not be sent.
func (p *Publisher) failed(f *frame.Frame, err error, now time.Time) {
	oversize := errors.Is(err, nats.ErrMaxPayload)
	if oversize {
		p.cfg.Drops.Add(drop.Oversize, 1)
		p.setFault(fmt.Sprintf("a frame of %d bytes is larger than the NATS server's max_payload of %d: set max_payload to 8MB there, or lower the camera's quality or size",
			len(f.Payload), p.cfg.Conn.MaxPayload()), now)
	} else { // no connection; the state of the connection is logged where it changes
		p.cfg.Drops.Add(drop.Gone, 1)
	}
	if f.Format != frame.H264 {
		return
	}
	p.queue.restart()
	if oversize && !f.Key { // a new key frame helps: it is not the key frame that is too large, and there is a connection
		p.skipped()
	}
}

// setFault keeps s for at least two status documents, even if only some frames fail.
func (p *Publisher) setFault(s string, now time.Time) {
	p.faultEnd = now.Add(2 * status.Interval)
	if p.fault.Swap(&s) == nil {
		p.cfg.Log.Warn("frames cannot be sent", logkey.Camera, p.cfg.Camera, logkey.Reason, s)
	}
}

func (p *Publisher) skipped() {
	if p.cfg.Format == frame.H264 && p.cfg.Skipped != nil {
		p.cfg.Skipped()
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
