package agent

import (
	"sync"
	"time"
)

// keyFrameInterval is how often an encoder is asked for a key frame at most: each is as large as many others, and
// anybody who may ask for a picture asks for one.
const keyFrameInterval = 500 * time.Millisecond

// keyFrames spreads requests for key frames over time. A request that comes too early is made later, with all that
// come meanwhile.
type keyFrames struct {
	request func() error

	mu    sync.Mutex
	last  time.Time   // when the encoder was last asked; guarded by mu
	err   error       // what came of that; guarded by mu
	later *time.Timer // guarded by mu; nil if none is due
}

// ask asks the encoder for a key frame, now or within keyFrameInterval. The error is that of the last attempt.
func (k *keyFrames) ask() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := keyFrameInterval - time.Since(k.last)
	switch {
	case k.later != nil:
	case wait <= 0:
		k.askLocked()
	default:
		k.later = time.AfterFunc(wait, func() {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.later = nil
			k.askLocked()
		})
	}
	return k.err
}

func (k *keyFrames) askLocked() {
	k.err = k.request()
	k.last = time.Now()
}

// end makes no request later.
func (k *keyFrames) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.later != nil && k.later.Stop() {
		k.later = nil
	}
}
