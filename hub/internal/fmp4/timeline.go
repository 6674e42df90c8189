package fmp4

import "time"

// Frame is what a Timeline needs to know of a frame.
type Frame struct {
	PTS      time.Duration // since the start of the epoch
	Epoch    int64
	Duration time.Duration // the nominal one, with which its Fragment was made
	Skipped  bool          // frames before it were left out: the viewer could not follow
	Preroll  bool          // it is sent only to get the decoder to the live edge
}

// Timeline gives one viewer's frames their decode times in ticks. They begin at 0 and always grow. The zero value is
// ready.
type Timeline struct {
	started  bool
	last     Frame
	decode   uint64 // decode time of last
	catching bool   // the history after a jump is not over yet
}

// Next returns the decode time of f. It follows the differences of PTS exactly, except where a player would stay
// behind or wait for ever (docs/design/mp4.md): after an outage, and after a jump, whose history is one tick apart.
func (t *Timeline) Next(f Frame) uint64 {
	if t.started {
		t.decode += t.step(f)
	}
	t.started = true
	t.catching = f.Preroll && (f.Skipped || t.catching)
	t.last = f
	return t.decode
}

// step returns the ticks from the last frame to f.
func (t *Timeline) step(f Frame) uint64 {
	nominal := sampleDuration(t.last.Duration)
	delta := max(Ticks(f.PTS)-Ticks(t.last.PTS), 1)
	switch {
	case f.Skipped, f.Epoch != t.last.Epoch:
		delta = nominal
	case t.catching:
		delta = 1
	case !t.last.Preroll: // the edit list holds the length of the preroll, so that must not change
		delta = min(delta, 2*nominal)
	}
	return uint64(delta)
}
