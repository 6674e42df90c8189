package rpicam

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/agent/internal/source"
)

// vidiocQueryCap is VIDIOC_QUERYCAP: _IOR('V', 0, struct v4l2_capability), the same on all architectures that Go
// knows for Linux but MIPS and PowerPC.
const vidiocQueryCap = 0x80685600

// v4l2Capability is struct v4l2_capability of videodev2.h.
type v4l2Capability struct {
	driver       [16]byte
	card         [32]byte
	bus          [32]byte
	version      uint32
	capabilities uint32
	deviceCaps   uint32
	reserved     [3]uint32
}

// hasHardwareH264 reports whether the device node is the H.264 encoder of a Pi 0 to 4. The name of the board would
// say less: the driver may be missing.
func hasHardwareH264(node string) (bool, error) {
	fd, err := unix.Open(node, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return false, fmt.Errorf("%w: %s: sudo usermod -aG video USER for the user that runs bramble-agent, then log "+
			"in again", source.ErrPermission, node)
	case err != nil:
		return false, nil // none there: a Pi 5, or no Pi at all
	}
	defer func() { _ = unix.Close(fd) }()
	caps := new(v4l2Capability) // on the heap: a stack may move while the kernel writes
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), vidiocQueryCap,
		uintptr(unsafe.Pointer(caps))); errno != 0 { //nolint:gosec // the ioctl takes a pointer
		return false, nil
	}
	return bytes.HasPrefix(caps.card[:], []byte("bcm2835-codec")), nil
}
