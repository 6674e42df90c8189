package ingest

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/logkey"
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
	sub   *nats.Subscription // guarded by mu; nil in a pause
	again *time.Timer        // guarded by mu; ends the pause
	ended bool               // guarded by mu
}

// begin subscribes. mu must be held.
func (s *subscription) begin() error {
	sub, err := s.in.nc.Subscribe(s.feed.subject, s.feed.handle)
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

// pause turns away from the camera for a while.
func (s *subscription) pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.sub == nil {
		return
	}
	_ = s.sub.Unsubscribe() // fails only if the connection is closed already
	s.sub = nil
	s.again = time.AfterFunc(s.wait, s.resume)
}

func (s *subscription) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if err := s.begin(); err != nil { // the connection is closed for good
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
