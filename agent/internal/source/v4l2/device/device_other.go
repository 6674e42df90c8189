//go:build !linux || !cgo

package device

import "context"

// Supported tells whether this program can open V4L2 cameras.
const Supported = false

type platform struct{}

// Nodes returns the video device nodes of this machine, in the order of their numbers.
func Nodes() ([]string, error) { return nil, ErrNoSupport }

// Describe asks a device what it is and what it offers. It does not start it: a camera's light stays off.
func Describe(string) (Description, error) { return Description{}, ErrNoSupport }

// Open opens a device and sets format and rate. What the driver made of them is in Negotiated.
func Open(Config) (*Device, error) { return nil, ErrNoSupport }

// Negotiated returns what the driver made of the Config.
func (d *platform) Negotiated() Negotiated { return Negotiated{} }

// Controls returns the controls with their values now.
func (d *platform) Controls() ([]Control, error) { return nil, ErrNoSupport }

// SetControl sets a control by its name.
func (d *platform) SetControl(string, int64) error { return ErrNoSupport }

// RequestKeyFrame asks the encoder for a key frame.
func (d *platform) RequestKeyFrame() error { return ErrNoSupport }

// Run streams: it calls f for every buffer, from this goroutine, until ctx ends (nil) or the device fails.
func (d *platform) Run(context.Context, func(Buffer)) error { return ErrNoSupport }

// Close releases the device with its buffers.
func (d *platform) Close() error { return nil }
