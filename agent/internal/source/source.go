// Package source opens a camera, or what stands in for one, and delivers its encoded frames one by one.
package source

import (
	"context"
	"errors"
	"time"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// Frame is one frame as a source delivers it.
type Frame struct {
	// Data is one JPEG, or one normalised H.264 access unit (internal/codec/h264: Annex B, 4-byte start codes, no AUD, an IDR with SPS and PPS
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

	// Lost is how many frames of this Run were lost between the last one and this one, as far as the source can know. It has counted them.
	Lost uint64
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

// Clocked is a source that knows better than by arrival when a frame was captured.
type Clocked interface {
	// ClockSource returns where Captured comes from in this or the last run: one of status.ClockV4L2, status.ClockSensor, status.ClockArrival.
	ClockSource() string
}

// Settings are what a source can be told to change while it runs.
type Settings = status.Settings

// Configurer is a source that can be told to change.
type Configurer interface {
	// Configure checks and takes s: at once if the source runs and can, by ending Run with ErrRestart if it must start anew, or with the next
	// Run. Nothing is taken if anything is wrong: the error, which wraps ErrSetting, names what is wrong and what is allowed. What was taken
	// stays until the agent ends, and is applied again after every opening.
	Configure(s Settings) error

	// Controls lists the camera's controls as last seen; nil if the camera has none or was never open.
	Controls() []status.Control
}

// Retrier is a source that costs little to try again, so that the pauses between failures need not grow long.
type Retrier interface {
	// MaxBackoff returns the longest pause between two attempts.
	MaxBackoff() time.Duration
}

var (
	// ErrRestart ends a Run whose settings have changed: run it again at once.
	ErrRestart = errors.New("the settings have changed: the camera starts anew")

	// ErrSetting means that a setting is unknown or out of range.
	ErrSetting = errors.New("wrong setting")
)
