package device

import "encoding/binary"

// PixelFormat is a V4L2 FourCC code, little-endian as in videodev2.h.
type PixelFormat uint32

// The formats that Bramble knows what to do with.
const (
	MJPEG PixelFormat = 'M' | 'J'<<8 | 'P'<<16 | 'G'<<24
	JPEG  PixelFormat = 'J' | 'P'<<8 | 'E'<<16 | 'G'<<24
	H264  PixelFormat = 'H' | '2'<<8 | '6'<<16 | '4'<<24
	YUYV  PixelFormat = 'Y' | 'U'<<8 | 'Y'<<16 | 'V'<<24
	NV12  PixelFormat = 'N' | 'V'<<8 | '1'<<16 | '2'<<24
)

// String returns the four characters, for example "MJPG"; of big-endian formats with "-BE", as v4l2-ctl writes them.
func (p PixelFormat) String() string {
	const bigEndian = 1 << 31
	name := string(binary.LittleEndian.AppendUint32(nil, uint32(p&^bigEndian)))
	if p&bigEndian != 0 {
		name += "-BE"
	}
	return name
}

// Description is what a device says of itself.
type Description struct {
	Node   string // /dev/video0
	Driver string // for example uvcvideo
	Card   string // the camera's name
	Bus    string // for example usb-0000:01:00.0-1.2

	Capture  bool // it captures video by single-planar streaming: what Open needs
	Formats  []Format
	Controls []Control
}

// Format is one pixel format that a device offers.
type Format struct {
	Pixel PixelFormat
	Title string // the driver's name for it
	Sizes []Size // largest first
}

// Size is one frame size of a format.
type Size struct {
	Width, Height int       // in pixels; of a range, the largest
	Stepped       bool      // every size up to this one, in steps, is possible too
	Rates         []float64 // frames per second, highest first; empty if the driver does not tell
}

// Control is one setting of a camera.
type Control struct {
	ID      uint32
	Name    string // as v4l2-ctl writes it: lower case, underscores, for example white_balance_temperature
	Type    string // int, bool, menu or button
	Min     int64
	Max     int64
	Step    int64
	Default int64
	Value   int64    // now; 0 of a button
	Menu    []string // of a menu: the items from Min on; "" where there is none

	ReadOnly bool // cannot be set
	Inactive bool // has no effect now, since another control decides (exposure, while exposure is automatic)
}
