package stream

import (
	"time"

	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

// epochTimeout is how long a track must be silent before the sequencer accepts an older epoch. An agent whose clock
// went back at its restart has one: a Pi has no battery clock. The same time holds for sequence numbers and times that
// make no sense, so that one wrong packet cannot end the stream.
const epochTimeout = 2 * time.Second

// maxLost is how many packets in a row may be lost: nine hours at 30 a second. A larger gap means that the number is
// wrong.
const maxLost = 1 << 20

// sequencer decides which packets continue a track. The packets that it admits can be decoded in their order.
type sequencer struct {
	intraOnly   bool // every packet decodes alone
	sparse      bool // see Config
	started     bool
	epoch       int64
	seq         uint64
	pts         time.Duration
	last        time.Time // when the last packet came that continued the epoch
	needKey     drop.Reason
	waiting     bool        // for a key packet, because of needKey
	rateLimited uint64      // packets that were counted as dropped while their numbers were unknown
	lostReason  drop.Reason // of the packets that the last admit reported as lost
}

func newSequencer(t media.Track, sparse bool) sequencer {
	return sequencer{intraOnly: t.Codec.IntraOnly(), sparse: sparse}
}

// admit reports whether p continues the track. If not, reason says why. lost is the number of packets missing before p.
func (a *sequencer) admit(p *media.Packet, now time.Time) (reason drop.Reason, lost uint64, ok bool) {
	silent := now.Sub(a.last) > epochTimeout
	wrong := p.Seq <= a.seq || p.Seq-a.seq-1 > maxLost
	switch {
	case !a.started || p.Epoch > a.epoch || silent && (p.Epoch < a.epoch || wrong || p.PTS < a.pts):
		a.started, a.epoch = true, p.Epoch
		a.waiting, a.needKey = !a.intraOnly, drop.NoKey
	case p.Epoch < a.epoch:
		return drop.OldEpoch, 0, false
	case wrong:
		return drop.Decode, 0, false
	default:
		if !a.sparse {
			lost = p.Seq - a.seq - 1
		}
		if lost > 0 || p.PTS < a.pts {
			a.requireKeyFrame()
		}
		a.lostReason = drop.Gap
		if a.rateLimited > 0 { // what else is missing came while the hub was unsubscribed
			a.lostReason = drop.Flood
			lost -= min(lost, a.rateLimited)
		}
		if p.PTS < a.pts {
			a.seq = p.Seq
			return drop.Decode, lost, false
		}
	}
	a.seq, a.pts, a.last, a.rateLimited = p.Seq, p.PTS, now, 0
	if a.waiting && !p.Key {
		return a.needKey, lost, false
	}
	a.waiting = false
	return 0, lost, true
}

// stale reports whether p belongs to an older epoch than the one that is followed.
func (a *sequencer) stale(p *media.Packet, now time.Time) bool {
	return a.started && p.Epoch < a.epoch && now.Sub(a.last) <= epochTimeout
}

// skipSeq counts p as received although it will not be admitted, so that admit does not report it as lost. It ignores
// packets other than the expected one: the sender of a broken packet may not be the camera.
func (a *sequencer) skipSeq(p *media.Packet, broken bool) {
	if !a.started || p.Epoch != a.epoch || p.Seq != a.seq+1 {
		return
	}
	a.seq = p.Seq
	if broken {
		a.requireKeyFrame()
	}
}

// requireKeyFrame makes admit refuse packets up to the next key packet.
func (a *sequencer) requireKeyFrame() {
	if !a.intraOnly && !a.waiting {
		a.waiting, a.needKey = true, drop.Gap
	}
}
