package connwriter

import (
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxVectors is the maximum number of slices of a vectored write.
	maxVectors = 4

	// rawLimit is the largest write in bytes of which Go's scheduler is not told. Such a write takes some fifty
	// microseconds. Telling the scheduler costs a sixth to a third of that (docs/benchmarks/2026-11-25-sending.md). Not
	// telling it of a long write would delay other goroutines.
	rawLimit = 256 << 10
)

// vectorWriter writes to a plain TCP connection as much as is possible without waiting.
type vectorWriter struct {
	raw     syscall.RawConn
	attempt func(fd uintptr) bool // a field, because a function literal would be allocated per write

	vec   [maxVectors]syscall.Iovec
	count int
	size  int
	n     int // bytes written
}

// newVectorWriter returns nil if conn is not plain TCP.
func newVectorWriter(conn net.Conn) *vectorWriter {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil { // closed: the next write fails
		return nil
	}
	w := &vectorWriter{raw: raw}
	w.attempt = func(fd uintptr) bool {
		w.n = w.writev(fd)
		return true // never wait
	}
	return w
}

// write writes as many bytes as the socket takes, with one writev, and returns their number. It returns no error: what
// prevents this write makes the next ordinary write fail too.
func (w *vectorWriter) write(slices [][]byte) int {
	if len(slices) > maxVectors {
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
func (w *vectorWriter) writev(fd uintptr) int {
	var n uintptr
	var errno syscall.Errno
	count := uintptr(w.count)
	// Rule 4 of unsafe.Pointer: the conversion is in the call, so that the vector stays where it is.
	if w.size <= rawLimit {
		n, _, errno = syscall.RawSyscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&w.vec)), count) //nolint:gosec // ok
	} else {
		n, _, errno = syscall.Syscall(syscall.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&w.vec)), count) //nolint:gosec // ok
	}
	if errno != 0 {
		return 0
	}
	return int(n)
}

// limitUnsent bounds the bytes in the kernel that have not been sent (TCP_NOTSENT_LOWAT in tcp(7)). Without the bound a
// client is shown older frames, no worse.
func limitUnsent(conn net.Conn, bytes int) {
	tcp, ok := NetConn(conn).(*net.TCPConn)
	if !ok {
		return
	}
	if raw, err := tcp.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, bytes)
		})
	}
}
