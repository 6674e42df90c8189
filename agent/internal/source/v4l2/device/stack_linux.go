//go:build linux && cgo

package device

import "runtime"

// stackReserve is the size in bytes of the frame below which go4vl is called.
const stackReserve = 64 << 10

// onStableStack runs f where the stack stays in place. go4vl hands the kernel the addresses of its local variables as
// plain integers, which do not follow when the runtime moves the stack; the kernel then writes into freed memory. A
// stack moves when it must grow, and at a garbage collection when less than a quarter of it is in use. On a new
// goroutine, below a frame of 64 KiB, neither happens: the stack is of 128 KiB, half in use, half free for f.
func onStableStack(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		withReserve(f)
	}()
	<-done
}

//go:noinline
func withReserve(f func()) {
	var frame [stackReserve]byte
	f()
	runtime.KeepAlive(&frame)
}
