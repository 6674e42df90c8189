//go:build unix

package httpapi

import (
	"errors"
	"net"
	"syscall"
)

// peerClosed reports whether the other end of a TCP connection has closed it, without a goroutine that waits for that. What there is to read is thrown away: nobody wants
// it, and the end lies behind it.
func peerClosed(conn net.Conn) bool {
	sc, ok := unwrapped(conn).(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	err = raw.Read(func(fd uintptr) bool {
		var buf [512]byte
		for range 16 { // no longer, or a viewer that never stops talking would keep us here
			n, _, err := syscall.Recvfrom(int(fd), buf[:], syscall.MSG_DONTWAIT)
			if n > 0 {
				continue
			}
			closed = !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
			break
		}
		return true
	})
	return closed || err != nil
}
