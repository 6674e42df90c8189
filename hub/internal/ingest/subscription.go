package ingest

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/logkey"
)

// floodPause is how long the hub turns away from a camera that sends too much. Frames that nobody subscribes to NATS throws away as they come; those that it
// delivers wait in one line with all other cameras' frames, and when 64 MB wait NATS cuts the hub's connection.
const floodPause = time.Second

// subscription brings one camera's frames to its feed.
type subscription struct {
	in   *Ingest
	feed *feed
	wait time.Duration // how long a pause is

	mu    sync.Mutex
	heavy bool               // guarded by mu; frames come by the heavy line
	sub   *nats.Subscription // guarded by mu; nil in a pause
	again *time.Timer        // guarded by mu; ends the pause
	ended bool               // guarded by mu
}

// SubscribeFrames appends the camera's frames to into until the stop function is called.
func (in *Ingest) SubscribeFrames(camera string, into *stream.Stream) (stop func(), err error) {
	s := &subscription{in: in, feed: newFeed(into, in.faults, in.space.Frames(camera, into.Format()), in.limits), wait: floodPause}
	s.feed.frames, s.feed.bytes = in.statuses.limiters(camera)
	s.feed.flooded, s.feed.heavy = s.pause, s.shift
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end, s.begin(in.nc)
}

// begin subscribes. mu must be held.
func (s *subscription) begin(nc *nats.Conn) error {
	sub, err := nc.Subscribe(s.feed.subject, s.feed.handle)
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", s.feed.subject, err)
	}
	if err := sub.SetPendingLimits(maxWaiting, 4*maxPending); err != nil {
		_ = sub.Unsubscribe()
		return fmt.Errorf("subscribe to %s: %w", s.feed.subject, err)
	}
	s.sub = sub
	return nil
}

// pause turns away from the camera for a while. After it the frames come by the heavy line.
func (s *subscription) pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.sub == nil {
		return
	}
	s.leave()
	s.again = time.AfterFunc(s.wait, s.resume)
}

// shift has the frames come by the heavy line from now on. What is on its way by the other one is lost.
func (s *subscription) shift() {
	s.mu.Lock()
	if s.ended || s.sub == nil || s.heavy {
		s.mu.Unlock()
		return
	}
	s.leave()
	s.mu.Unlock()
	s.resume()
}

// leave unsubscribes. mu must be held.
func (s *subscription) leave() {
	_ = s.sub.Unsubscribe() // fails only if the connection is closed already
	s.sub, s.heavy = nil, true
}

// resume subscribes again after leave.
func (s *subscription) resume() {
	nc, err := s.in.heavy.conn() // before the lock: this may take a second
	if err != nil {
		s.in.log.Warn("no second connection to NATS: a camera with large frames shares the first one with all others", logkey.Err, err)
		nc = s.in.nc
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if err := s.begin(nc); err != nil { // the connection is closed for good
		s.in.log.Error("a camera that was paused cannot be subscribed to again", logkey.Err, err)
	}
}

// end unsubscribes for good.
func (s *subscription) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.sub != nil {
		_ = s.sub.Unsubscribe()
	}
	if s.again != nil {
		s.again.Stop()
	}
}
