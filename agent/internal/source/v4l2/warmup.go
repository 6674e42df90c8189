package v4l2

import (
	"time"
)

const (
	// maxColdTime is when, after opening, a warm-up ends at the latest, unless it was asked to be longer: a snapshot of
	// a cold camera shall take less than two seconds, and some cameras need one until their first frame.
	maxColdTime = 1200 * time.Millisecond

	// settledFrames in a row must be alike. Cameras correct their exposure every two to four frames, so fewer may be
	// a pause between two steps.
	settledFrames = 8

	// settledFraction is how much they may differ, as a part of the largest: noise changes the size of a JPEG by one
	// or two hundredths.
	settledFraction = 20
)

// warmup tells when the exposure of a camera that was just opened has settled: after the set time from the first
// frame, or earlier when settledFrames in a row have the same brightness.
type warmup struct {
	length, limit time.Duration
	first         time.Duration // when the first frame came
	started, done bool
	levels        [settledFrames]int
	n             int
}

// newWarmup returns a warm-up of a camera that began to open at the time opened.
func newWarmup(length, opened time.Duration) warmup {
	return warmup{length: length, limit: opened + max(length, maxColdTime), done: length == 0}
}

// over reports whether a frame that came at now can be shown. It calls level only if it must.
func (w *warmup) over(now time.Duration, level func() int) bool {
	if w.done {
		return true
	}
	if !w.started {
		w.started, w.first = true, now
	}
	w.levels[w.n%settledFrames] = level()
	w.n++
	w.done = now-w.first >= w.length || now >= w.limit || w.settled()
	return w.done
}

func (w *warmup) settled() bool {
	if w.n < settledFrames {
		return false
	}
	low, high := w.levels[0], w.levels[0]
	for _, l := range w.levels {
		low, high = min(low, l), max(high, l)
	}
	return low > 0 && (high-low)*settledFraction <= high
}
