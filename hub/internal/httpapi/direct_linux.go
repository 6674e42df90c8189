package httpapi

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxDirect is how many slices a direct write may have.
	maxDirect = 4

	// rawLimit is up to how many bytes a write is so short, some fifty microseconds, that Go's scheduler need not be told of it. To tell it costs a sixth to a third of
	// the write (docs/design/sending.md); not to tell it of a long one would hold up other goroutines.
	rawLimit = 256 << 10
)

// directWriter writes to a plain TCP connection what can be written at once.
type directWriter struct {
	raw     syscall.RawConn
	attempt func(fd uintptr) bool // made once: a function literal for each write would be allocated each time

	vec   [maxDirect]syscall.Iovec
	count int
	size  int
	n     int // written
}

// newDirectWriter returns nil if conn is something else.
func newDirectWriter(conn net.Conn) *directWriter {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil { // closed: the next write will tell
		return nil
	}
	w := &directWriter{raw: raw}
	w.attempt = func(fd uintptr) bool {
		w.n = w.writev(fd)
		return true // never wait
	}
	return w
}

// write writes as many bytes as the socket takes, with one writev, and returns how many. Whatever keeps it from writing more will keep the next ordinary
// write from it too: that tells.
func (w *directWriter) write(slices [][]byte) int {
	if len(slices) > maxDirect {
		return 0
	}
	w.count, w.size, w.n = 0, 0, 0
	for _, b := range slices {
		if len(b) > 0 {
			w.vec[w.count].Base = &b[0]
			w.vec[w.count].SetLen(len(b))
			w.count++
			w.size += len(b)
		}
	}
	err := w.raw.Write(w.attempt)
	clear(w.vec[:])
	if err != nil { // closed
		return 0
	}
	return w.n
}

// writev does not block: Go's sockets never do.
func (w *directWriter) writev(fd uintptr) int {
	var n uintptr
	var errno syscall.Errno
	if w.size <= rawLimit {
		n, _, errno = syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&w.vec)), uintptr(w.count))
	} else {
		n, _, errno = syscall.Syscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&w.vec)), uintptr(w.count))
	}
	if errno != 0 {
		return 0
	}
	return int(n)
}

// limitUnsent bounds how many bytes wait in the kernel that have not been sent (TCP_NOTSENT_LOWAT in tcp(7)). Without it a viewer is shown older pictures,
// no worse.
func limitUnsent(conn net.Conn, bytes int) {
	tcp, ok := unwrapped(conn).(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes) })
	}
}
