// Package capture opens a camera, or what stands in for one, and delivers its encoded frames one by one.
package capture

import (
	"context"
	"time"

	"github.com/bramble-cam/bramble/shared/frame"
)

// Frame is one frame as a source delivers it.
type Frame struct {
	// Data is one JPEG, or one normalised H.264 access unit (shared/h264: Annex B, 4-byte start codes, no AUD, an IDR with SPS and PPS
	// in front). It is valid only during the call of the Sink.
	Data []byte

	// PTS is the time since the first frame of this Run, by a clock that never goes back.
	PTS time.Duration

	// Captured is the instant of capture.
	Captured time.Time

	// Key is true for an access unit that decodes alone; false for JPEGs.
	Key bool

	// Width and Height in pixels; 0 if not known.
	Width, Height int
}

// Sink takes a frame. A source calls it from one goroutine; it does not block and keeps nothing of the frame.
type Sink func(Frame)

// Source is one camera.
type Source interface {
	// Kind is the word before the colon in the source's specification.
	Kind() string

	// Format is what the source delivers, fixed for its life.
	Format() frame.Format

	// Run opens the camera and hands over frames until ctx ends, then returns nil, or until the camera fails: the error says what
	// failed and what to do about it. When it returns, the camera is released. It may be called again; each call is an epoch of its own.
	Run(ctx context.Context, sink Sink) error
}

// KeyFramer is a source whose encoder can be asked for a key frame.
type KeyFramer interface {
	// RequestKeyFrame asks for a key frame soon. It does not wait for it.
	RequestKeyFrame() error
}

// Warner is a source that may have found something which works but not as it should.
type Warner interface {
	// Warning returns what is wrong and the remedy, or "".
	Warning() string
}
