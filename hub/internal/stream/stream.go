// Package stream holds the newest packets of one camera: a ring of immutable packets, and a cursor for every reader.
//
// The ring alone decides how much memory a stream takes. The number and the speed of its readers do not matter.
//
// A stream has one or more tracks. Its main track is the first video track, and readers begin at that track's key
// packets.
//
// Codecs, containers, NATS and HTTP do not belong here. What an output makes of a packet is kept with the packet, under
// a type that the output owns: see Cached.
package stream

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/ratemeter"
	"github.com/bramble-cam/bramble/shared/drop"
)

// rateTimeout is how long the last measured rate stays valid without a new packet.
const rateTimeout = 3 * time.Second

// Config bounds a Stream. Zero values mean the defaults.
type Config struct {
	Tracks     []media.Track // at least one; their ids are their places
	MaxBytes   int           // of packets in the ring; default 16 MiB
	LiveBudget time.Duration // a reader whose next packet is older jumps to the newest key packet; default 1 s
	Sparse     bool          // missing sequence numbers are no loss: the hub made the packets from some of a camera's
}

// Stream is one ring with its counters. All methods may be called by several goroutines.
//
// Drops counts packets that did not enter the ring, by reason. Its reason Lagged counts packets that readers skipped.
type Stream struct {
	cfg  Config
	main int // the track that decides where a reader can begin

	FramesIn  atomic.Uint64 // packets that entered the ring
	FramesOut atomic.Uint64 // packets delivered, over all readers
	BytesIn   atomic.Uint64 // of those that entered
	BytesOut  atomic.Uint64 // of those delivered
	Drops     drop.Counters

	mu       sync.Mutex
	tracks   []track
	packets  []*Packet // the ring, oldest first; their indexes are consecutive
	next     uint64    // index of the next packet
	lastKey  uint64    // index of the newest key packet of the main track, if hasKey
	hasKey   bool      // that is still in the ring
	bytes    int
	meter    ratemeter.Meter // of the main track
	ended    error           // why there will be no more packets
	overload overload

	waiting  []*Cursor // each is signaled once, by the next packet
	onChange func()    // see OnChange
}

// track is what the stream knows of one of its tracks.
type track struct {
	media.Track

	sequencer sequencer
	newest    *Packet // nil if there is none
	duration  time.Duration
}

// New returns an empty Stream.
func New(cfg Config) *Stream {
	if cfg.MaxBytes <= 0 {
		cfg.MaxBytes = 16 << 20
	}
	if cfg.LiveBudget <= 0 {
		cfg.LiveBudget = time.Second
	}
	s := &Stream{cfg: cfg}
	s.main = max(0, slices.IndexFunc(cfg.Tracks, func(t media.Track) bool { return t.Codec.Video() }))
	s.resetLocked()
	return s
}

// Tracks returns the tracks, with the parameters and the size of their newest packet.
func (s *Stream) Tracks() []media.Track {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]media.Track, len(s.tracks))
	for i, t := range s.tracks {
		list[i] = t.Track
	}
	return list
}

// Codec returns the codec of the main track.
func (s *Stream) Codec() media.Codec { return s.cfg.Tracks[s.main].Codec }

// OnChange sets the function that is called after each packet that enters the ring, and after CloseWithError. A stream
// has one such function. The stream is locked during the call: f must not block, and must not use the stream.
func (s *Stream) OnChange(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onChange = f
}

// Append puts a packet into the ring and wakes the readers that wait. A packet that does not continue its track is
// counted as dropped, and Append returns false. The payload must not change after the call.
func (s *Stream) Append(packet media.Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	t := &s.tracks[packet.Track]
	packet.Key = packet.Key || t.Codec.IntraOnly()
	reason, lost, ok := t.sequencer.admit(&packet, now)
	s.Drops.Add(t.sequencer.lostReason, lost)
	if !ok {
		s.Drops.Add(reason, 1)
		return false
	}
	p := &Packet{Packet: packet, Index: s.next, Arrived: now}
	p.Duration = t.durationOf(p, s.cfg.Sparse)
	t.newest = p
	t.Params, t.Width, t.Height = p.Params, p.Width, p.Height
	s.next++
	s.packets = append(s.packets, p)
	s.bytes += len(p.Payload)
	if p.Track == s.main {
		if p.Key {
			s.lastKey, s.hasKey = p.Index, true
		}
		s.meter.Add(now, len(p.Payload))
	}
	s.evictLocked(now)
	s.FramesIn.Add(1)
	s.BytesIn.Add(uint64(len(p.Payload)))
	s.wakeLocked()
	return true
}

// Stale reports whether p belongs to an older epoch than the one that is followed, and counts it as dropped if so. The
// payload of a stale packet must not be used: its parameter sets are not the track's.
func (s *Stream) Stale(p *media.Packet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.tracks[p.Track].sequencer.stale(p, time.Now()) {
		return false
	}
	s.Drops.Add(drop.OldEpoch, 1)
	return true
}

// Drop counts a packet whose payload cannot be used. Video continues with the next key packet.
func (s *Stream) Drop(p *media.Packet, why drop.Reason) {
	s.Drops.Add(why, 1)
	s.skipSeq(p, true)
}

// SkipEmpty records a message without a picture, such as parameter sets alone, so that its sequence number is not
// counted as a gap.
func (s *Stream) SkipEmpty(p *media.Packet) { s.skipSeq(p, false) }

func (s *Stream) skipSeq(p *media.Packet, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tracks[p.Track].sequencer.skipSeq(p, broken)
}

// durationOf returns the time from p's predecessor to p. p will probably be shown as long.
func (t *track) durationOf(p *Packet, sparse bool) time.Duration {
	if last := t.newest; last != nil && last.Epoch == p.Epoch && p.Seq > last.Seq {
		lost := p.Seq - last.Seq - 1 // their time is not p's
		if sparse {
			lost = 0
		}
		if d := p.PTS - last.PTS; d > 0 && d < 10*time.Second && lost <= maxLost {
			t.duration = d / time.Duration(lost+1)
		}
	}
	if t.duration == 0 {
		return time.Second / 25
	}
	return t.duration
}

// evictLocked removes packets from the start of the ring. It removes packets before the newest key packet that are
// older than the live budget. If every packet decodes alone, it removes those of any age. It removes all packets beyond
// MaxBytes.
func (s *Stream) evictLocked(now time.Time) {
	for len(s.packets) > 1 {
		head := s.packets[0]
		old := s.hasKey && head.Index < s.lastKey && (s.intraOnly() || now.Sub(head.Arrived) > s.cfg.LiveBudget)
		if s.bytes <= s.cfg.MaxBytes && !old {
			return
		}
		if s.hasKey && head.Index == s.lastKey {
			s.hasKey = false
		}
		s.bytes -= len(head.Payload)
		s.packets[0] = nil
		s.packets = s.packets[1:]
	}
}

// intraOnly reports whether a newer packet of the main track replaces all earlier ones.
func (s *Stream) intraOnly() bool { return s.Codec().IntraOnly() }

// Reset empties the ring. Call it when the stream starts again, so that no reader gets an old packet. Cursors stay
// valid.
func (s *Stream) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resetLocked()
}

func (s *Stream) resetLocked() {
	s.packets, s.bytes, s.hasKey = nil, 0, false
	durations := s.tracks
	s.tracks = make([]track, len(s.cfg.Tracks))
	for i, t := range s.cfg.Tracks {
		s.tracks[i] = track{Track: t, sequencer: newSequencer(t, s.cfg.Sparse)}
		if durations != nil {
			s.tracks[i].duration = durations[i].duration
		}
	}
	s.meter = ratemeter.Meter{}
}

// CloseWithError makes every cursor return err, now and later. Packets that come after it are not delivered.
func (s *Stream) CloseWithError(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = err
	s.wakeLocked()
}

// Newest returns the newest packet of the main track that a decoder can start at, or nil.
func (s *Stream) Newest() *Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hasKey {
		return nil
	}
	return s.packets[s.lastKey-s.packets[0].Index]
}

// PacketsSinceKey returns the packets that a decoder needs to show the newest picture, in order. They begin with the
// newest key packet.
//
// from is the index after the last packet that the decoder got, or 0 if it got none. If no key packet came since, the
// result begins at from. The result is empty if there is no newer picture.
func (s *Stream) PacketsSinceKey(from uint64) []*Packet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.packets) == 0 || from >= s.next {
		return nil
	}
	first := s.packets[0].Index
	switch {
	case from > first && (!s.hasKey || from > s.lastKey):
		return slices.Clone(s.packets[from-first:])
	case s.hasKey:
		return slices.Clone(s.packets[s.lastKey-first:])
	}
	return nil
}

// LastFrameTimes returns when the newest packet of the main track arrived and was captured. ok is false if there is
// none.
func (s *Stream) LastFrameTimes() (arrived, captured time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.tracks[s.main].newest
	if p == nil {
		return time.Time{}, time.Time{}, false
	}
	return p.Arrived, p.CaptureTime, true
}

// Rate returns packets and bits per second of the main track as they arrive. Both are 0 if none came for rateTimeout.
func (s *Stream) Rate() (fps, bitsPerSecond float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.tracks[s.main].newest; p == nil || time.Since(p.Arrived) > rateTimeout {
		return 0, 0
	}
	return s.meter.Get()
}

func (s *Stream) wakeLocked() {
	for _, c := range s.waiting {
		c.waiting = false
		c.waiter.Signal()
	}
	clear(s.waiting)
	s.waiting = s.waiting[:0]
	if s.onChange != nil {
		s.onChange()
	}
}
