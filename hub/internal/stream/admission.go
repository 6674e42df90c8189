package stream

import (
	"time"

	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// epochTimeout is how long nothing must have continued the stream before an older epoch is believed: an agent whose clock went back at its restart (a Pi
// has no battery clock) has a smaller epoch. The same goes for numbers and times that make no sense: one wrong one must not end the stream for good.
const epochTimeout = 2 * time.Second

// maxLost is how many frames in a row may have been lost. Beyond it, nine hours at 30 frames a second, a number is wrong.
const maxLost = 1 << 20

// admission decides which frames continue a stream. Whatever it admits, in order, can be decoded.
type admission struct {
	format  frame.Format
	sparse  bool // see Config
	started bool
	epoch   int64
	seq     uint64
	pts     time.Duration
	last    time.Time // when the last frame came that continued the epoch
	needKey drop.Reason
	waiting bool        // H.264: for a key frame, because of needKey
	shed    uint64      // frames that were counted as dropped before their numbers were known
	lostTo  drop.Reason // why those frames are missing that the last admit told of
}

// admit reports whether f continues the stream, else why not. lost is the number of frames that are missing before f.
func (a *admission) admit(f *frame.Frame, now time.Time) (reason drop.Reason, lost uint64, ok bool) {
	silent := now.Sub(a.last) > epochTimeout
	wrong := f.Seq <= a.seq || f.Seq-a.seq-1 > maxLost
	switch {
	case !a.started || f.Epoch > a.epoch || silent && (f.Epoch < a.epoch || wrong || f.PTS < a.pts):
		a.started, a.epoch = true, f.Epoch
		a.waiting, a.needKey = a.format == frame.H264, drop.NoKey
	case f.Epoch < a.epoch:
		return drop.OldEpoch, 0, false
	case wrong:
		return drop.Decode, 0, false
	default:
		if !a.sparse {
			lost = f.Seq - a.seq - 1
		}
		if lost > 0 || f.PTS < a.pts {
			a.breakOff()
		}
		a.lostTo = drop.Gap
		if a.shed > 0 { // what else is missing came while the hub had turned away
			a.lostTo = drop.Flood
			lost -= min(lost, a.shed)
		}
		if f.PTS < a.pts {
			a.seq = f.Seq
			return drop.Decode, lost, false
		}
	}
	a.seq, a.pts, a.last, a.shed = f.Seq, f.PTS, now, 0
	if a.waiting && !f.Key {
		return a.needKey, lost, false
	}
	a.waiting = false
	return 0, lost, true
}

// stale reports whether f belongs to an older run than the one that is followed.
func (a *admission) stale(f *frame.Frame, now time.Time) bool {
	return a.started && f.Epoch < a.epoch && now.Sub(a.last) <= epochTimeout
}

// leaveOut takes f as come though it will not be admitted, so that it is not missing before the next one. Only the frame that is expected counts: anybody
// can send rubbish.
func (a *admission) leaveOut(f *frame.Frame, broken bool) {
	if !a.started || f.Epoch != a.epoch || f.Seq != a.seq+1 {
		return
	}
	a.seq = f.Seq
	if broken {
		a.breakOff()
	}
}

// breakOff notes that what follows cannot be decoded before the next key frame.
func (a *admission) breakOff() {
	if a.format == frame.H264 && !a.waiting {
		a.waiting, a.needKey = true, drop.Gap
	}
}
