package service

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
)

const (
	// snapshotTimeout limits how long a snapshot waits for a picture: a camera that was off needs time to start.
	snapshotTimeout = 5 * time.Second

	// snapshotMaxWait is how long a snapshot may wait until the uplink has room. If it would take longer, the request
	// is refused at once.
	snapshotMaxWait = time.Second

	// maxSnapshots is how many requests may wait for a picture at once.
	maxSnapshots = 64
)

var (
	errNoFrame = fmt.Errorf("none came within %v", snapshotTimeout)
	errBusy    = fmt.Errorf("too many snapshots are waiting (at most %d), or the agent is stopping: "+
		"try again later", maxSnapshots)
	errBytes = errors.New("snapshots are limited to the camera's own rate: " +
		"try again later, or subscribe to its pictures")
)

// snapshotQueue counts the snapshots that wait for a picture.
type snapshotQueue struct {
	mu      sync.Mutex
	n       int            // guarded by mu
	each    map[string]int // by requester; guarded by mu
	stopped bool           // guarded by mu

	goroutines sync.WaitGroup
}

// begin runs f in a goroutine if there is room for one more. Each requester gets half of it.
func (w *snapshotQueue) begin(requester string, f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || w.n >= maxSnapshots || w.each[requester] >= maxSnapshots/2 {
		return false
	}
	w.n++
	w.each[requester]++
	w.goroutines.Go(func() {
		f()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.n--
		if w.each[requester]--; w.each[requester] == 0 {
			delete(w.each, requester)
		}
	})
	return true
}

// stop lets no new one begin, and returns when all have ended.
func (w *snapshotQueue) stop() {
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.goroutines.Wait()
}

// snapshot answers from a goroutine of its own. A camera may need seconds for its picture, and other requests must not
// wait for it.
func (s *Service) snapshot(ctx context.Context, r *request) {
	if r.reply == "" {
		return
	}
	if _, wait := s.reserveBytes(r, 0); wait > snapshotMaxWait {
		r.refuse("429", errBytes, wait)
		return
	}
	if !s.waiting.begin(requester(r.reply), func() { s.answerSnapshot(ctx, r) }) {
		r.refuse("503", errBusy, snapshotMaxWait)
	}
}

// reserveBytes takes room on the uplink for a picture of n bytes.
func (s *Service) reserveBytes(r *request, n int) (ok bool, wait time.Duration) {
	return s.limits.bytes.allow(requester(r.reply), n, s.camera.Bitrate(), time.Now())
}

// answerSnapshot waits for room on the uplink, and only then for a picture. So it holds no picture while it waits, and
// the picture is new.
func (s *Service) answerSnapshot(ctx context.Context, r *request) {
	ctx, cancel := context.WithTimeoutCause(ctx, snapshotTimeout, errNoFrame)
	defer cancel()
	for patience := snapshotMaxWait; s.awaitBytes(ctx, r, &patience); {
		f, err := s.camera.Snapshot(ctx)
		if err != nil {
			if reason := s.camera.Status().Reason; reason != "" {
				err = fmt.Errorf("%w (%s)", err, reason)
			}
			r.fail("503", err)
			return
		}
		if ok, _ := s.reserveBytes(r, len(f.Payload)); ok {
			s.sendPicture(r, &f)
			return
		} // another snapshot took the room
	}
}

// awaitBytes returns true when the uplink has room for a picture. If that would take more than patience it refuses
// the request.
func (s *Service) awaitBytes(ctx context.Context, r *request, patience *time.Duration) bool {
	for {
		ok, wait := s.reserveBytes(r, 0)
		if ok {
			return true
		}
		if *patience -= wait; *patience < 0 || !sleep(ctx, wait) {
			r.refuse("429", errBytes, wait)
			return false
		}
	}
}

// sleep returns true after a time, or false when ctx ends.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (s *Service) sendPicture(r *request, f *frame.Frame) {
	msg := &nats.Msg{Subject: r.reply, Header: nats.Header{}, Data: f.Payload}
	frame.Encode(frame.Header(msg.Header), f)
	err := s.publish(msg)
	if errors.Is(err, nats.ErrMaxPayload) {
		r.fail("500", fmt.Errorf("a picture of %d bytes is larger than the NATS server's max_payload of %d: "+
			"set max_payload to 8MB there", len(f.Payload), s.maxSize()))
		return
	}
	r.logUnsent(err)
}
