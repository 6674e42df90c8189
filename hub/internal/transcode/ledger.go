package transcode

import (
	"context"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/internal/media"
)

const (
	// maxInFlight is how many frames that are to be encoded may be in ffmpeg at a time: one that it works on, and one
	// that waits in the pipe. What comes meanwhile waits in the camera's ring, where a newer one takes its place.
	maxInFlight = 2

	// maxSilence is how long nothing may come out before more is put in all the same: what is in there may be broken.
	maxSilence = time.Second

	// maxEntries bounds the ledger if nothing comes out at all, or nothing is wanted for long.
	maxEntries = 4096
)

// entry is a frame that was given to ffmpeg.
type entry struct {
	at     uint64
	wanted bool
	packet media.Packet // without payload
}

// ledger notes what is in ffmpeg, in the order in which it was put in.
type ledger struct {
	mu       sync.Mutex
	entries  []entry
	inFlight int
	changed  chan struct{} // holds a token after something has come out
}

func newLedger() ledger { return ledger{changed: make(chan struct{}, 1)} }

func (l *ledger) add(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.packet.Payload = nil // must not be kept for this
	if len(l.entries) == maxEntries {
		l.entries = append(l.entries[:0], l.entries[1:]...)
	}
	l.entries = append(l.entries, e)
	if e.wanted {
		l.inFlight++
	}
}

// take returns the frame that has come out as the one of this time, and how many of those before it have not, though
// they were wanted.
func (l *ledger) take(at uint64) (p media.Packet, lost uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.signal()
	for i, e := range l.entries {
		switch {
		case e.at == at:
			l.entries = append(l.entries[:0], l.entries[i+1:]...)
			l.inFlight = max(0, l.inFlight-int(lost)-1) //nolint:gosec // at most maxEntries
			return e.packet, lost, true
		case e.at < at && e.wanted:
			lost++
		}
	}
	return media.Packet{}, 0, false
}

// waitForRoom waits until one more frame that is to be encoded may be put in.
func (l *ledger) waitForRoom(ctx context.Context) {
	timer := time.NewTimer(maxSilence)
	defer timer.Stop()
	for {
		l.mu.Lock()
		n := l.inFlight
		l.mu.Unlock()
		if n < maxInFlight {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-l.changed:
		case <-timer.C:
			l.mu.Lock()
			l.inFlight = 0
			l.mu.Unlock()
			return
		}
	}
}

// unfinished returns how many frames that were to be encoded are still there.
func (l *ledger) unfinished() (lost uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.entries {
		if e.wanted {
			lost++
		}
	}
	return lost
}

func (l *ledger) signal() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}
