// Package device opens V4L2 capture devices: what they offer, their controls, and their buffers one by one.
package device

import (
	"errors"
	"time"
)

// Device is an open capture device. It belongs to one goroutine, but for SetControl, RequestKeyFrame and Controls,
// which may be called from others until Close.
type Device struct {
	*platform
}

// Config says how to open a device.
type Config struct {
	// Path is the node or a link to it, such as /dev/v4l/by-id/usb-...-video-index0. Every Open resolves it again.
	Path string

	Pixel  PixelFormat // what to ask for
	Width  int         // in pixels
	Height int         // in pixels
	FPS    float64     // frames per second to ask for; 0 leaves the driver's own

	// Newest skips buffers for which a newer one waits: right for pictures that stand alone, wrong for H.264.
	Newest bool

	// Buffers is how many buffers to ask for; 0 means 3 with Newest, else 4. Once mapped, each counts fully as memory of
	// this process.
	Buffers int
}

// Negotiated is what the driver made of a Config.
type Negotiated struct {
	Pixel         PixelFormat
	Width, Height int
	FPS           float64 // 0 if the driver does not tell
	Stride        int     // bytes per line of raw formats
	SizeImage     int     // largest frame in bytes
	FullRange     bool    // raw formats: black is 0 and white is 255, not 16 and 235
}

// Buffer is one captured frame as the driver delivered it.
type Buffer struct {
	Data     []byte        // valid only during the call
	Sequence uint32        // the driver's frame number: a gap is a frame that the driver lost
	Time     time.Duration // when it was captured, by CLOCK_MONOTONIC; 0 if the driver's clock is another one
	Skipped  int           // older buffers passed over since the last call (Config.Newest)
	Broken   bool          // the driver marked it as faulty (V4L2_BUF_FLAG_ERROR), or it is empty
}

// Errors of V4L2 devices. Those of Open, Run and Describe wrap one of them, or one of package source, where it fits,
// and name the remedy.
var (
	// ErrBandwidth means that the USB bus has no room for another stream of this size (ENOSPC).
	ErrBandwidth = errors.New("the USB bus has no bandwidth left for this camera")

	// ErrNotCamera means that the device captures no video: a metadata node, an encoder, a file.
	ErrNotCamera = errors.New("not a camera")

	// ErrFormat means that the device does not offer the pixel format.
	ErrFormat = errors.New("the camera does not offer this format")

	// ErrNoSignal means that an HDMI adapter has no picture to capture.
	ErrNoSignal = errors.New("no video signal")

	// ErrChanged means that the video signal changed (V4L2_EVENT_SOURCE_CHANGE, of HDMI adapters): open the device
	// again.
	ErrChanged = errors.New("the video signal has changed")

	// ErrNoSupport means that this program was built without cgo or for another system than Linux.
	ErrNoSupport = errors.New("this bramble-agent cannot open V4L2 cameras: it was built without cgo. Use the full " +
		"build of bramble-agent " +
		"(make dist), or exec: with ffmpeg")

	// ErrValue means that a control does not take the value.
	ErrValue = errors.New("the control does not take this value")
)
