// Package stream holds the newest frames of one camera in one format: a ring of immutable frames, and a cursor for every viewer.
//
// Memory depends on the ring alone, never on the number of viewers or their speed. Nothing here knows of NATS or HTTP.
package stream

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/ratemeter"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// rateTimeout is how long the rate that was measured last holds without a frame.
const rateTimeout = 3 * time.Second

// Packet is a frame in the ring. It does not change any more: all viewers share it.
type Packet struct {
	frame.Frame

	Index         uint64 // position in the stream, +1 per frame, across epochs
	Arrived       time.Time
	Width, Height int
	Params        *h264.ParamSets // H.264: the parameter sets in force; the same pointer while they do not change
	Duration      time.Duration   // nominal: the time since the frame before it, or the last known one

	made [numForms]form
}

// Config bounds a Stream. Zero values mean the defaults.
type Config struct {
	Format     frame.Format
	MaxBytes   int           // of frames in the ring; default 16 MiB
	LiveBudget time.Duration // a viewer whose next access unit is older jumps to the newest key frame; default 1 s
	Sparse     bool          // numbers that are missing are no loss: the frames were encoded here, of some of a camera's
}

// Stream is one ring with its counters. Drops counts what was lost on the way in, Lagged what viewers skipped.
type Stream struct {
	cfg Config

	FramesIn  atomic.Uint64 // frames that entered the ring
	FramesOut atomic.Uint64 // frames delivered, over all viewers
	BytesIn   atomic.Uint64 // of those that entered
	BytesOut  atomic.Uint64 // of those delivered
	Drops     drop.Counters

	mu       sync.Mutex
	frames   []*Packet // the ring, oldest first; their indexes are consecutive
	next     uint64    // index of the next frame
	lastKey  uint64    // index of the newest key frame, if hasKey
	hasKey   bool      // the newest key frame is still in the ring
	bytes    int
	admitted admission
	meter    ratemeter.Meter
	duration time.Duration
	ended    error // why there will be no more frames

	waiting   []*Cursor // to be poked when they should look again
	following []*Cursor // lent: the next round serves them
	spare     []*round  // that have ended, to be used again
	due       bool      // a round could not start, since nobody was free to work at it

	flood flood
}

// New returns an empty Stream.
func New(cfg Config) *Stream {
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 16 << 20
	}
	if cfg.LiveBudget <= 0 {
		cfg.LiveBudget = time.Second
	}
	return &Stream{cfg: cfg, admitted: admission{format: cfg.Format, sparse: cfg.Sparse}}
}

// Format returns the format of the frames.
func (s *Stream) Format() frame.Format { return s.cfg.Format }

// Append puts f into the ring, unless it does not continue the stream: then it is counted as dropped and reported false. The caller sets Frame,
// Width, Height and Params, and does not touch f afterwards.
func (s *Stream) Append(f *Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	reason, lost, ok := s.admitted.admit(&f.Frame, now)
	s.Drops.Add(s.admitted.lostTo, lost)
	if !ok {
		s.Drops.Add(reason, 1)
		return false
	}
	f.Index, f.Arrived = s.next, now
	f.Duration = s.durationLocked(f)
	s.next++
	s.frames = append(s.frames, f)
	s.bytes += len(f.Payload)
	if f.Key {
		s.lastKey, s.hasKey = f.Index, true
	}
	s.evictLocked(now)
	s.FramesIn.Add(1)
	s.BytesIn.Add(uint64(len(f.Payload)))
	s.meter.Add(now, len(f.Payload))
	s.wakeLocked()
	return true
}

// Stale reports true, and counts f as dropped, if it belongs to an older run of the camera than the one that is followed. Nothing of its payload may be
// used then: its parameter sets are not the stream's.
func (s *Stream) Stale(f *frame.Frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.admitted.stale(f, time.Now()) {
		return false
	}
	s.Drops.Add(drop.OldEpoch, 1)
	return true
}

// Drop counts a frame whose payload cannot be used, for a reason. H.264 then goes on with the next key frame.
func (s *Stream) Drop(f *frame.Frame, why drop.Reason) {
	s.Drops.Add(why, 1)
	s.leaveOut(f, true)
}

// SkipEmpty tells of a frame that has nothing to show and whose absence harms nobody, such as parameter sets that come alone.
func (s *Stream) SkipEmpty(f *frame.Frame) { s.leaveOut(f, false) }

func (s *Stream) leaveOut(f *frame.Frame, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.admitted.leaveOut(f, broken)
}

// durationLocked returns how long f will be shown if its successor comes as f came after its predecessor.
func (s *Stream) durationLocked(f *Packet) time.Duration {
	if n := len(s.frames); n > 0 && s.frames[n-1].Epoch == f.Epoch && f.Seq > s.frames[n-1].Seq {
		last := s.frames[n-1]
		lost := f.Seq - last.Seq - 1 // their time is not f's
		if s.cfg.Sparse {
			lost = 0
		}
		if d := f.PTS - last.PTS; d > 0 && d < 10*time.Second && lost <= maxLost {
			s.duration = d / time.Duration(lost+1)
		}
	}
	if s.duration == 0 {
		return time.Second / 25
	}
	return s.duration
}

// evictLocked removes what nobody may need: all but the newest JPEG; access units before the current GOP that are older than the live budget; and
// whatever exceeds the byte budget.
func (s *Stream) evictLocked(now time.Time) {
	for len(s.frames) > 1 {
		head := s.frames[0]
		switch {
		case s.bytes > s.cfg.MaxBytes, s.cfg.Format == frame.JPEG:
		case s.hasKey && head.Index < s.lastKey && now.Sub(head.Arrived) > s.cfg.LiveBudget:
		default:
			return
		}
		if s.hasKey && head.Index == s.lastKey {
			s.hasKey = false
		}
		s.bytes -= len(head.Payload)
		s.frames[0] = nil
		s.frames = s.frames[1:]
	}
}

// Reset empties the ring, so that nobody is shown an old frame when the stream starts again. Cursors stay valid.
func (s *Stream) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames, s.bytes, s.hasKey = nil, 0, false
	s.admitted = admission{format: s.cfg.Format, sparse: s.cfg.Sparse}
	s.meter = ratemeter.Meter{}
}

// CloseWithError makes every cursor return err: there will be no more frames.
func (s *Stream) CloseWithError(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = err
	s.wakeLocked()
}

// Newest returns the newest frame a decoder can start at, or nil.
func (s *Stream) Newest() *Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch n := len(s.frames); {
	case n == 0:
		return nil
	case s.cfg.Format == frame.JPEG:
		return s.frames[n-1]
	case s.hasKey:
		return s.frames[s.lastKey-s.frames[0].Index]
	}
	return nil
}

// LastFrameTimes says when the newest frame arrived and was captured; ok is false if the ring is empty.
func (s *Stream) LastFrameTimes() (arrived, captured time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.frames) == 0 {
		return time.Time{}, time.Time{}, false
	}
	f := s.frames[len(s.frames)-1]
	return f.Arrived, f.CaptureTime, true
}

// Rate returns frames and bits per second as they arrive; 0 when they have ceased to.
func (s *Stream) Rate() (fps, bitsPerSecond float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.frames); n == 0 || time.Since(s.frames[n-1].Arrived) > rateTimeout {
		return 0, 0
	}
	return s.meter.Get()
}

func (s *Stream) wakeLocked() {
	for _, c := range s.waiting {
		c.waiting = false
		c.poke()
	}
	clear(s.waiting)
	s.waiting = s.waiting[:0]
	s.startRoundLocked()
}
