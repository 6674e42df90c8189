package fmp4

import "time"

// maxGap is the longest time between two frames that is shown as such, unless the camera is that slow. A longer one is an outage: the player has run dry and waits, and would wait
// as long again if the next frame's time said so.
const maxGap = time.Second

// Frame is what a Timeline needs to know of a frame.
type Frame struct {
	Index   uint64        // position in the stream
	PTS     time.Duration // since the start of the epoch
	Epoch   int64
	Nominal time.Duration // how long it will most likely be shown

	// History is true for a frame that is sent only to get the decoder to the live edge, which is at EdgeIndex and EdgePTS.
	History   bool
	EdgeIndex uint64
	EdgePTS   time.Duration
}

// Timeline gives one viewer's frames their times in ticks. They begin at 0 and never go back. The zero value is ready.
//
// A viewer who joins is first sent the GOP so far. Those frames are decoded at the distance at which they were captured, so that players measure the right frame rate, but shown one
// tick apart just before the newest one: playing begins there, and not one GOP behind (docs/design/mp4.md).
type Timeline struct {
	started bool
	joining bool // the history sent at the start is not over yet
	last    Frame
	decode  uint64 // decode time of last
}

// Next returns the decode time of f, and how much later it is shown.
func (t *Timeline) Next(f Frame) (decode uint64, compose int32) {
	if !t.started {
		t.started, t.joining = true, f.History
	} else {
		t.decode += t.step(f)
	}
	t.joining = t.joining && f.History
	if t.joining {
		before := int64(f.EdgeIndex - f.Index)
		compose = int32(max(0, Ticks(f.EdgePTS)-Ticks(f.PTS)-before))
	}
	t.last = f
	return t.decode, compose
}

// step returns the ticks from the last frame to f.
func (t *Timeline) step(f Frame) uint64 {
	delta := Ticks(f.PTS) - Ticks(t.last.PTS)
	nominal := max(1, Ticks(t.last.Nominal))
	lost := f.Index != t.last.Index+1
	switch {
	case lost:
		t.joining = false
		return uint64(nominal)
	case f.Epoch != t.last.Epoch || delta > max(Ticks(maxGap), 3*nominal):
		return uint64(nominal)
	case t.last.History && !t.joining:
		return 1 // after a jump the player is hungry: the way to the live edge takes no time
	}
	return uint64(max(1, delta))
}
