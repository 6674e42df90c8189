package rpicam

import (
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// deliverComplete delivers the complete frames. It returns true if lines have come meanwhile whose frames may not
// have been read yet.
func (s *stream) deliverComplete(dry bool) (again bool) {
	for s.timed && s.lines.pending() > 0 {
		if !s.deliverAtLine(dry) {
			return false
		}
	}
	if s.timed {
		ahead, err := s.split.Followed()
		switch {
		case err != nil:
			s.check.Lost(err)
			s.ignoreTimes(err.Error())
		case !ahead:
			return false
		default: // so the line of the one at hand has been written
			if s.readLines(); s.lines.pending() > 0 {
				return true
			}
			s.ignoreTimes("a picture came without a time")
		}
	}
	s.deliverParsed()
	return false
}

func (s *stream) deliverParsed() {
	for {
		data, err := s.split.NextBuffered()
		switch {
		case err != nil:
			s.check.Lost(err)
		case data == nil:
			return
		default:
			pos, captured := s.times.atArrival(time.Now())
			s.deliver(data, pos, captured)
		}
	}
}

// deliverAtLine delivers the frame of the first line. It returns false if more must be read first.
func (s *stream) deliverAtLine(dry bool) bool {
	data, err := s.split.NextBuffered()
	if data == nil && err == nil && dry {
		data = s.split.Flush()
		s.cutAtLine = data != nil
	}
	switch {
	case err != nil:
		s.check.Lost(err)
		s.ignoreTimes(err.Error())
	case data != nil:
		pos, captured, stepped := s.times.atLine(s.lines.pop(), time.Now())
		if stepped {
			s.cam.env.Log.Info("the system's clock was set: the times of frames go on without a step",
				logkey.Source, s.cam.Kind())
		}
		s.deliver(data, pos, captured)
	case !dry:
		return false
	case s.set.codec == frame.H264 && s.split.Buffered() > 0:
		// The encoder's parameter sets came on their own, with a time. They stay for the picture that they belong to.
		s.lines.pop()
		s.headerTimed = true
	case s.set.codec == frame.H264 && s.frames <= headerFrames && !s.headerTimed:
		s.lines.pop() // the same, but the picture was there too when they were read
		s.headerTimed = true
	default:
		s.ignoreTimes("a time came without a picture")
	}
	return true
}

// ignoreTimes lets only the parser cut for the rest of this run.
func (s *stream) ignoreTimes(why string) {
	if !s.timed {
		return
	}
	s.timed = false
	s.cam.warning.Store(fmt.Sprintf("the times that rpicam-vid writes do not match its pictures (%s), so every frame "+
		"comes one frame late", why))
	s.cam.env.Log.Warn("rpicam-vid's times do not match its pictures: cutting without them, which takes one frame "+
		"longer", logkey.Reason, why)
}

// deliver delivers one frame if it is good and the warm-up is over.
func (s *stream) deliver(data []byte, pos time.Duration, captured time.Time) {
	s.lastFrame = time.Now()
	if s.frames == 0 || s.faults.stalled.Load() {
		s.faults.reset()
	}
	f, ok := s.check.Check(data)
	if !ok {
		return
	}
	if s.cold {
		if pos < s.set.warmup || s.set.codec == frame.H264 && !f.Key {
			s.cam.env.Drops.Add(drop.Warmup, 1)
			return
		}
		s.cold, s.base = false, pos
		_ = s.out.unlink() // done again at the end if it fails now
	}
	s.frames++
	f.PTS, f.Captured = pos-s.base, captured
	s.sink(f)
}
