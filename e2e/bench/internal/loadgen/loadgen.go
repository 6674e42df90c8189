// Package loadgen is the audience of a benchmark: viewers that keep up, lag, stall, come and go, and what they see.
package loadgen

import (
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
)

// Viewer is how a viewer behaves.
type Viewer struct {
	URL     string
	Kind    string    // jpeg, mjpeg, mp4, h264 or ws
	Rate    float64   // bytes a second that it reads at most; 0 means all there is
	Stalled bool      // it reads the response's header and nothing more
	Save    io.Writer // gets what it reads behind the header; nil for none
	Frames  int       // it leaves after so many; 0 means never
}

// ViewerResult is what one viewer has seen.
type ViewerResult struct {
	Asked, First time.Time     // when it began to connect, and when it had the first frame
	Age          time.Duration // of the first frame
	Key          bool          // the first frame decodes alone
	Late         time.Duration // how far a player is behind the camera, at the newest frame
	Frames       int           // other than repeated ones
	Gap          time.Duration // the longest time between two of them

	newest, came time.Time
	shown        time.Time // when showing began
	shownAt      time.Duration
}

// Generator runs viewers and counts the frames of all together. They read into one buffer, one after the other:
// with a buffer for each, the generator's own cache misses would be measured.
type Generator struct {
	connecting chan struct{} // holds a token for each viewer that connects just now

	mu      sync.Mutex
	scratch []byte
	from    time.Time // frames that left the camera earlier are not counted
	until   time.Time // nor are those that left it from then on
	frames  int
	ages    []time.Duration
}

// New returns a generator without viewers that counts nothing yet.
func New() *Generator {
	return &Generator{connecting: make(chan struct{}, maxConnecting), scratch: make([]byte, 1<<18), from: never(),
		until: never()}
}

// maxConnecting is how many viewers of a generator connect at the same time. Each costs the generator about 60 µs:
// if hundreds did it at once, the viewers that are counted could not read meanwhile, and the frames would look late.
const maxConnecting = 4

func never() time.Time { return time.Unix(math.MaxInt32, 0) }

// SetMaxConnecting lets n viewers connect at the same time, for a generator in a process of its own.
func (c *Generator) SetMaxConnecting(n int) { c.connecting = make(chan struct{}, n) }

// Begin starts the count, of frames that leave the camera from now on, and returns when that is.
func (c *Generator) Begin() time.Time {
	now := time.Now()
	c.begin(now)
	return now
}

// Until lets no more frames count that leave the camera from now on, and returns when that is. Those that are under way
// count until End.
func (c *Generator) Until() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = time.Now()
	return c.until
}

// BeginAll starts the count, of frames however old.
func (c *Generator) BeginAll() { c.begin(time.Time{}) }

func (c *Generator) begin(from time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from, c.until, c.frames, c.ages = from, never(), 0, make([]time.Duration, 0, 1<<16)
}

// Frames returns how many have been seen since Begin.
func (c *Generator) Frames() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.frames
}

// Counts are what a generator has seen.
type Counts struct {
	Frames int
	ages   []time.Duration
}

// End ends the count, and returns what has been seen since Begin.
func (c *Generator) End() Counts {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.Sort(c.ages)
	n := Counts{c.frames, c.ages}
	c.from, c.frames, c.ages = never(), 0, nil
	return n
}

// Age returns a quantile, 0 to 1, of how old the frames were when they had been read; NaN if there were none.
// Milliseconds.
func (c Counts) Age(q float64) float64 { return Quantile(c.ages, q) }

// Quantile returns a quantile of sorted durations in milliseconds; NaN if there are none.
func Quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return Millis(sorted[int(q*float64(len(sorted)-1)+0.5)])
}

// Millis returns d in milliseconds.
func Millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// record counts a frame, with mu held.
func (c *Generator) record(s *ViewerResult, p *parser, head []byte) {
	now := time.Now()
	stamp, ok := syntheticframes.ReadStamp(head)
	if !ok { // a placeholder, or a camera that writes no stamps
		if s.Frames == 0 && s.First.IsZero() {
			s.First = now
		}
		return
	}
	age := now.Sub(stamp.Sent)
	if !stamp.Sent.After(s.newest) {
		return // repeated
	}
	if s.Frames++; s.Frames == 1 {
		s.First, s.Age, s.Key = now, age, stamp.Key
	} else {
		s.Gap = max(s.Gap, now.Sub(s.came))
	}
	s.newest, s.came, s.Late = stamp.Sent, now, s.delay(p, now, age)
	if !stamp.Sent.Before(c.from) && stamp.Sent.Before(c.until) {
		c.frames++
		c.ages = append(c.ages, age)
	}
}

// delay returns how far a player is behind the camera that shows this frame. One of MP4 shows frames at their times,
// from the first one that is to be shown on; one of H.264, which has no times, at the camera's rate, so it stays as far
// delay as the first frame was; one of MJPEG at once.
func (s *ViewerResult) delay(p *parser, now time.Time, age time.Duration) time.Duration {
	switch p.kind {
	case "mp4":
		media := p.times.media()
		if s.shown.IsZero() {
			if media < 0 {
				return age
			}
			s.shown, s.shownAt = now, media
		}
		due := s.shown.Add(media - s.shownAt)
		return age + max(0, due.Sub(now))
	case "h264":
		return max(age, s.Age)
	}
	return age
}
