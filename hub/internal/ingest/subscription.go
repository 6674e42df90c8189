package ingest

import (
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/frame"
)

// overloadPause is how long the hub unsubscribes from a camera above its limits. NATS drops unsubscribed frames at the
// server. Delivered ones would delay other cameras on the connection, and when 64 MB wait NATS closes it.
const overloadPause = time.Second

// subscription brings one camera's frames to its receiver.
type subscription struct {
	in       *Ingest
	receiver *receiver
	wait     time.Duration // how long a suspension is

	mu    sync.Mutex
	bulk  bool               // guarded by mu; frames come by the bulk connection
	sub   *nats.Subscription // guarded by mu; nil while suspended
	again *time.Timer        // guarded by mu; ends the suspension
	ended bool               // guarded by mu
}

// SubscribeFrames appends the camera's frames to into until the stop function is called.
func (in *Ingest) SubscribeFrames(camera string, into *stream.Stream) (stop func(), err error) {
	subj := in.space.Frames(camera, frame.Format(into.Codec()))
	s := &subscription{in: in, receiver: newReceiver(into, in.dropLog, subj, in.limits), wait: overloadPause}
	s.receiver.frames, s.receiver.bytes = in.statuses.limiters(camera)
	s.receiver.overloaded, s.receiver.bulk = s.suspend, s.moveToBulk
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end, s.begin(in.nc)
}

// begin subscribes. mu must be held.
func (s *subscription) begin(nc *nats.Conn) error {
	sub, err := nc.Subscribe(s.receiver.subject, s.receiver.handle)
	if err != nil {
		return fmt.Errorf("subscribe to %s: %w", s.receiver.subject, err)
	}
	if err := sub.SetPendingLimits(maxWaiting, 4*maxPending); err != nil {
		_ = sub.Unsubscribe()
		return fmt.Errorf("subscribe to %s: %w", s.receiver.subject, err)
	}
	s.sub = sub
	return nil
}

// suspend unsubscribes from the camera for a while. After it the frames come by the bulk connection.
func (s *subscription) suspend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.sub == nil {
		return
	}
	s.unsubscribe()
	s.again = time.AfterFunc(s.wait, s.resubscribe)
}

// shift has the frames come by the bulk connection from now on. What is on its way by the other one is lost.
func (s *subscription) moveToBulk() {
	s.mu.Lock()
	if s.ended || s.sub == nil || s.bulk {
		s.mu.Unlock()
		return
	}
	s.unsubscribe()
	s.mu.Unlock()
	s.resubscribe()
}

// unsubscribe ends the current NATS subscription. mu must be held.
func (s *subscription) unsubscribe() {
	_ = s.sub.Unsubscribe() // fails only if the connection is closed already
	s.sub, s.bulk = nil, true
}

// resubscribe subscribes again after unsubscribe.
func (s *subscription) resubscribe() {
	nc, err := s.in.bulk.conn() // before the lock: this may take a second
	if err != nil {
		s.in.log.Warn("no second connection to NATS: a camera with large frames shares the first one with all others",
			logkey.Err, err)
		nc = s.in.nc
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if err := s.begin(nc); err != nil { // the connection is closed for good
		s.in.log.Error("a camera that was suspended cannot be subscribed to again", logkey.Err, err)
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
