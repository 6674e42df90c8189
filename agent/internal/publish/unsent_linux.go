package publish

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// maxUnsent bounds what waits in the kernel for a socket whose peer has stalled. With the kernel's default, seconds
// of old frames wait there.
const maxUnsent = 64 << 10

// boundUnsent sets TCP_NOTSENT_LOWAT on a socket before it connects.
func boundUnsent(_, _ string, c syscall.RawConn) error {
	var err error
	ctlErr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	})
	if ctlErr != nil {
		return ctlErr
	}
	return err
}
