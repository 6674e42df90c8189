// Package ratemeter measures how many frames and bits a stream carries per second.
package ratemeter

import "time"

// Meter measures frames and bits per second over the last few seconds. The zero value is ready. It belongs to one
// goroutine.
type Meter struct {
	start  time.Time
	frames int
	bytes  int64
	fps    float64
	bps    float64
}

// window is how long Meter counts before it says something new.
const window = 2 * time.Second

// Add counts a frame of n bytes.
func (r *Meter) Add(now time.Time, n int) {
	if r.start.IsZero() {
		r.start = now
		return // n intervals lie between n+1 frames
	}
	r.frames++
	r.bytes += int64(n)
	if d := now.Sub(r.start); d >= window {
		r.fps, r.bps = float64(r.frames)/d.Seconds(), float64(r.bytes)*8/d.Seconds()
		r.start, r.frames, r.bytes = now, 0, 0
	}
}

// Get returns frames per second and bits per second; 0 until the first window is over.
func (r *Meter) Get() (fps, bitsPerSecond float64) { return r.fps, r.bps }
