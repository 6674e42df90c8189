package agent

import (
	"sync"
	"time"
)

// keyFrameInterval is the shortest time between two requests to an encoder for a key frame. A key frame is as large as
// many other frames, and every request for a picture needs one.
const keyFrameInterval = 500 * time.Millisecond

// keyFrames spreads requests for key frames over time. A request that comes too early is made later, with all that
// come meanwhile.
type keyFrames struct {
	request func() error

	mu      sync.Mutex
	last    time.Time   // of the last request; guarded by mu
	err     error       // of the last request; guarded by mu
	pending *time.Timer // guarded by mu; nil if none is due
}

// ask requests a key frame from the encoder, now or within keyFrameInterval. It returns the error of the last attempt.
func (k *keyFrames) ask() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := keyFrameInterval - time.Since(k.last)
	switch {
	case k.pending != nil:
	case wait <= 0:
		k.askLocked()
	default:
		k.pending = time.AfterFunc(wait, func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.pending = nil
			k.askLocked()
		})
	}
	return k.err
}

func (k *keyFrames) askLocked() {
	k.err = k.request()
	k.last = time.Now()
}

// stop cancels a request that is due later.
func (k *keyFrames) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.pending != nil && k.pending.Stop() {
		k.pending = nil
	}
}
