//go:build linux && cgo

package device

import (
	"errors"
	"fmt"

	"github.com/vladimirvivien/go4vl/v4l2"
	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/agent/internal/source"
)

// fault wraps what an ioctl or open answered into an error of this package, with the device, what was tried, and the
// remedy. Of go4vl's own errors, ErrorSystem may be anything from a lost device to a lack of memory, as EIO may be of
// the others: there tells whether the device is still there.
func fault(path, doing string, err error, there func() bool) error {
	is := func(list ...unix.Errno) bool {
		for _, e := range list {
			if errors.Is(err, e) {
				return true
			}
		}
		return false
	}
	switch {
	case is(unix.ENODEV, unix.ENXIO, unix.ENOENT), (is(unix.EIO) || errors.Is(err, v4l2.ErrorSystem)) && !there():
		return fmt.Errorf("%w: %s: %s: %w", source.ErrGone, path, doing, err)
	case is(unix.EBUSY):
		return fmt.Errorf("%w: %s: %s: %w; fuser -v %s shows which", source.ErrBusy, path, doing, err, path)
	case is(unix.EACCES):
		return fmt.Errorf("%w: %s: %s: %w; add this user to the group video with sudo usermod -aG video $USER, then "+
			"log in again "+
			"(under systemd: SupplementaryGroups=video)", source.ErrPermission, path, doing, err)
	case is(unix.EPERM):
		return fmt.Errorf("%w: %s: %s: %w; allow it to the service with DeviceAllow=char-video4linux rw, or to the "+
			"container with --device %s",
			source.ErrPermission, path, doing, err, path)
	case is(unix.ENOSPC):
		return fmt.Errorf("%w: %s: %s: %w; ask for a lower size or fps, use mjpeg instead of a raw format, or move "+
			"the camera to a port of "+
			"another USB controller", ErrBandwidth, path, doing, err)
	case is(unix.ENOTTY, unix.EISDIR), errors.Is(err, v4l2.ErrorUnsupported):
		return fmt.Errorf("%w: %s: %s: %w", ErrNotCamera, path, doing, err)
	case is(unix.ENOMEM):
		return fmt.Errorf("%s: %s: %w; the driver has no memory for its buffers: ask for a lower size, or raise cma= "+
			"on a Raspberry Pi", path, doing, err)
	}
	return fmt.Errorf("%s: %s: %w", path, doing, err)
}

// fault is for a device that is open.
func (d *platform) fault(doing string, err error) error {
	return fault(d.path, doing, err, func() bool { return alive(d.fd) })
}
