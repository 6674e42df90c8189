package rpicam

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// ptsLines reads the file of --save-pts: a comment, and then a line for each frame with its time in milliseconds
// since the first one.
type ptsLines struct {
	buf   [1 << 10]byte
	n     int // bytes in buf: the beginning of a line
	times []time.Duration
	first int // of times: the ones in front of it have been taken
}

// pending returns how many times are queued.
func (l *ptsLines) pending() int { return len(l.times) - l.first }

// pop takes the first one.
func (l *ptsLines) pop() time.Duration {
	t := l.times[l.first]
	if l.first++; l.first == len(l.times) {
		l.times, l.first = l.times[:0], 0
	}
	return t
}

// read reads until the reader's error, or until a line makes no sense.
func (l *ptsLines) read(r io.Reader) error {
	for {
		n, err := r.Read(l.buf[l.n:])
		l.n += n
		if err := l.parse(); err != nil {
			return err
		}
		if err != nil {
			return err
		}
	}
}

// parse takes the whole lines out of the buffer.
func (l *ptsLines) parse() error {
	rest := l.buf[:l.n]
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		line := rest[:i]
		rest = rest[i+1:]
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		t, ok := parsePTS(line)
		if !ok {
			return fmt.Errorf("a line of the times is %.40q", line)
		}
		l.times = append(l.times, t)
	}
	if l.n = copy(l.buf[:], rest); l.n == len(l.buf) {
		return fmt.Errorf("a line of the times has more than %d bytes", l.n)
	}
	return nil
}

// parsePTS parses MILLISECONDS.MICROSECONDS. C prints the sign of a negative time with both parts, or only with the
// one that is not 0.
func parsePTS(line []byte) (time.Duration, bool) {
	whole, fraction, _ := strings.Cut(string(line), ".") // does not escape: no allocation
	ms, errMS := strconv.ParseInt(whole, 10, 64)
	us, errUS := strconv.ParseInt(fraction, 10, 64)
	if errMS != nil || errUS != nil || us <= -1000 || us >= 1000 || ms > math.MaxInt64/int64(time.Second) ||
		ms < math.MinInt64/int64(time.Second) {
		return 0, false
	}
	return time.Duration(ms)*time.Millisecond + time.Duration(us)*time.Microsecond, true
}

const (
	// stepTime is by how much a time must run ahead of the frame's arrival to be a step of the system's clock.
	stepTime = time.Second

	anchorSeconds = 10 // how long the quickest arrival counts
)

// timeline places frames in time. The intervals come from the lines. The instants come from the arrivals: the fastest
// one in ten seconds counts as the least delay from sensor to agent.
type timeline struct {
	start   time.Time // when the first frame arrived; its monotonic clock keeps steps of the system's clock out
	arrived time.Time // the last one
	line    time.Duration
	pos     time.Duration // since the first frame
	second  int64
	least   [anchorSeconds]time.Duration
}

// atLine places a frame by its line. From rpicam-apps 1.8.0 on the lines are made from the system's clock, so they step
// when that is set, for example when a Pi without a battery clock has reached a time server. A step is not passed on:
// the interval to the previous frame is then that of the arrivals. A pause of the camera is no step: it shows in line
// and arrival alike.
func (t *timeline) atLine(line time.Duration, now time.Time) (pos time.Duration, captured time.Time, stepped bool) {
	if t.start.IsZero() {
		t.begin(now)
		t.line = line
		return 0, t.anchor(now), false
	}
	step, gap := line-t.line, now.Sub(t.arrived)
	if step <= 0 || step-gap > stepTime {
		step, stepped = max(gap, time.Microsecond), true
	}
	t.line, t.arrived = line, now
	t.pos += step
	return t.pos, t.anchor(now), stepped
}

// atArrival places a frame that has no line.
func (t *timeline) atArrival(now time.Time) (pos time.Duration, captured time.Time) {
	if t.start.IsZero() {
		t.begin(now)
		return 0, now
	}
	t.pos += max(now.Sub(t.arrived), time.Microsecond)
	t.arrived = now
	return t.pos, now
}

func (t *timeline) begin(now time.Time) {
	t.start, t.arrived = now, now
	for i := range t.least {
		t.least[i] = math.MaxInt64
	}
}

// anchor returns when the frame at pos, which arrived now, was captured at the latest.
func (t *timeline) anchor(now time.Time) time.Time {
	since := now.Sub(t.start)
	for second := int64(since / time.Second); t.second < second; {
		t.second++
		t.least[t.second%anchorSeconds] = math.MaxInt64
	}
	took := since - t.pos
	slot := &t.least[t.second%anchorSeconds]
	*slot = min(*slot, took)
	least := took
	for _, l := range t.least {
		least = min(least, l)
	}
	return now.Add(least - took)
}
