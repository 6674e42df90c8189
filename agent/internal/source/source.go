// Package source is the contract between the agent and its cameras: what a source delivers, what it can do besides, and
// how a specification such as "v4l2:/dev/video0#fps=15" becomes one.
//
// It knows no kind of source. Each kind is a package of its own below this one. The agent lists them
// (agent/sources.go).
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
	// Data is one JPEG or one normalized H.264 access unit (internal/codec/h264: Annex B, 4-byte start codes, no AUD,
	// an IDR with SPS and PPS in front). It is valid only during the call of the Sink.
	Data []byte

	// PTS is the time since the first frame of this Run. It never goes back.
	PTS time.Duration

	// Captured is the instant of capture.
	Captured time.Time

	// Key is true for an access unit that decodes alone, and false for JPEGs.
	Key bool

	// Width and Height are in pixels, or 0 if they are not known.
	Width, Height int

	// Lost is how many frames of this Run were lost between the previous frame and this one, as far as the source
	// knows. The source has counted them as drops.
	Lost uint64
}

// Sink takes a frame. A source calls it from one goroutine. It must not block and must not keep any part of the frame.
type Sink func(Frame)

// Source is one camera, or what stands in for one.
type Source interface {
	// Kind is the word before the colon in the source's specification.
	Kind() string

	// Format is what the source delivers. It never changes.
	Format() frame.Format

	// Run opens the camera and delivers frames until ctx ends, then returns nil. If the camera fails, the error says
	// what failed and what to do about it. When Run returns, the camera is released. Run may be called again; each
	// call is a new epoch. Calls must not overlap.
	Run(ctx context.Context, sink Sink) error
}

// KeyFramer is a source whose encoder can be asked for a key frame.
type KeyFramer interface {
	// RequestKeyFrame asks for a key frame soon. It does not wait for it. The error wraps ErrNoControl if the camera
	// cannot.
	RequestKeyFrame() error
}

// Warner is a source that may work, but not as it should.
type Warner interface {
	// Warning returns what is wrong and the remedy, or "".
	Warning() string
}

// Clocked is a source that may know better than by arrival when a frame was captured.
type Clocked interface {
	// ClockSource returns where Captured comes from in this Run or the last one: one of status.ClockV4L2,
	// status.ClockSensor and status.ClockArrival.
	ClockSource() string
}

// Settings are what a source can be told to change while it runs.
type Settings = status.Settings

// Configurer is a source whose settings can change.
type Configurer interface {
	// Configure checks and applies s. A running source applies it at once, or ends its Run with ErrRestart if it must
	// start again. A closed source applies it in its next Run. If anything is wrong nothing is applied, and the error
	// wraps ErrSetting. What was applied stays until the agent ends, and is applied again after every opening.
	Configure(s Settings) error

	// Controls lists the camera's controls as last seen. It is nil if the camera has none or was never open.
	Controls() []status.Control
}

// Retrier is a source that costs little to try again, so that the pauses between failures can stay short.
type Retrier interface {
	// MaxBackoff returns the longest pause between two attempts.
	MaxBackoff() time.Duration
}

// Errors that the sources of several kinds share. Errors of a source wrap one of them where it fits, and add the
// remedy.
var (
	// ErrRestart ends a Run whose settings have changed: run the source again at once.
	ErrRestart = errors.New("the settings have changed: the camera starts again")

	// ErrSetting means that a setting is unknown or out of range.
	ErrSetting = errors.New("wrong setting")

	// ErrGone means that there is no such camera, or that it was unplugged.
	ErrGone = errors.New("no such camera (is it plugged in?)")

	// ErrBusy means that another program has the camera.
	ErrBusy = errors.New("the camera is in use by another program")

	// ErrPermission means that this user may not open the camera.
	ErrPermission = errors.New("no permission to open the camera")

	// ErrNoControl means that the camera has no control of that name, or no key frames on request.
	ErrNoControl = errors.New("the camera has no such control")
)

// ReorderWarning is the Warning of a source whose encoder uses B-frames.
const ReorderWarning = "the encoder reorders pictures (B-frames): players show them late and MP4 times are not " +
	"exact; " +
	"turn B-frames off (ffmpeg: -tune zerolatency or -bf 0)"
