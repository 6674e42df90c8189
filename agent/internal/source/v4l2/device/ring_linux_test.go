//go:build linux && cgo

package device

import (
	"runtime"
	"testing"
	"time"
	"unsafe"
)

// TestLayout holds the C compiler's v4l2_buffer and ioctl numbers against those of the kernel's 64-bit and 32-bit ABIs.
func TestLayout(t *testing.T) {
	size, offsets := uintptr(88), [...]uintptr{24, 40, 56, 64, 72}
	dequeue, queue, query, time32 := uint64(0xc0585611), uint64(0xc058560f), uint64(0xc0585609), false
	if unsafe.Sizeof(uintptr(0)) == 4 {
		size, offsets = 68, [...]uintptr{20, 28, 44, 52, 56}
		dequeue, queue, query, time32 = 0xc0445611, 0xc044560f, 0xc0445609, true
	}
	var b cBuffer
	if time32 && unsafe.Sizeof(b.timestamp) == 16 {
		t.Skip("this C library has times of 64 bits: the kernel knows that layout by its own ioctl numbers")
	}
	if got := unsafe.Sizeof(b); got != size {
		t.Errorf("v4l2_buffer has %d bytes, want %d", got, size)
	}
	got := [...]uintptr{
		unsafe.Offsetof(b.timestamp), unsafe.Offsetof(b.timecode), unsafe.Offsetof(b.sequence), unsafe.Offsetof(b.m),
		unsafe.Offsetof(b.length),
	}
	if got != offsets {
		t.Errorf("timestamp, timecode, sequence, m and length are at %v, want %v", got, offsets)
	}
	for name, n := range map[string][2]uint64{
		"VIDIOC_DQBUF": {vidiocDQBuf, dequeue}, "VIDIOC_QBUF": {vidiocQBuf, queue},
		"VIDIOC_QUERYBUF": {vidiocQueryBuf, query}, "VIDIOC_QUERYCAP": {vidiocQueryCap, 0x80685600},
		"VIDIOC_REQBUFS": {vidiocReqBufs, 0xc0145608}, "VIDIOC_STREAMON": {vidiocStreamOn, 0x40045612},
		"VIDIOC_STREAMOFF": {vidiocStreamOff, 0x40045613},
		"VIDIOC_QUERYCTRL": {vidiocQueryCtrl, 0xc0445624}, "VIDIOC_ENUM_FRAMEINTERVALS": {vidiocEnumIntervals, 0xc034564b},
		"VIDIOC_QUERY_DV_TIMINGS": {vidiocQueryTimings, 0x80845663}, "VIDIOC_S_DV_TIMINGS": {vidiocSetTimings, 0xc0845657},
		"VIDIOC_SUBSCRIBE_EVENT": {vidiocSubscribeEvent, 0x4020565a},
	} {
		if n[0] != n[1] {
			t.Errorf("%s is %#x, want %#x", name, n[0], n[1])
		}
	}
}

func TestMakeFilled(t *testing.T) {
	at := cBuffer{index: 2, bytesused: 900, sequence: 7}
	at.timestamp.tv_sec, at.timestamp.tv_usec = 12, 345678
	const copied = 0x4000 // V4L2_BUF_FLAG_TIMESTAMP_COPY: whatever the feeder of a loopback device wrote
	for _, tt := range []struct {
		name        string
		flags, used cUint
		want        filled
	}{
		{"monotonic", flagMonotonic | flagDone, 900, filled{used: 900, time: 12*time.Second + 345678*time.Microsecond}},
		{"start of exposure", flagMonotonic | 0x10000, 900,
			filled{used: 900, time: 12*time.Second + 345678*time.Microsecond}},
		{"unknown clock", flagDone, 900, filled{used: 900}},
		{"copied", copied, 900, filled{used: 900}},
		{"faulty", flagError, 900, filled{used: 900, broken: true}},
		{"empty", 0, 0, filled{broken: true}},
		{"more than there is", 0, 1001, filled{used: 1000}},
	} {
		b := at
		b.flags, b.bytesused = tt.flags, tt.used
		tt.want.index, tt.want.sequence = 2, 7
		if got := makeFilled(&b, 1000); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestSteady looks whether the stack below steady moves while the collector shrinks what it can.
func TestSteady(t *testing.T) {
	stop := collectGarbage(t)
	defer stop()
	for range 200 {
		onStableStack(func() {
			var local [64]byte
			address := uintptr(unsafe.Pointer(&local))
			runtime.Gosched()
			if deep(40, runtime.Gosched); uintptr(unsafe.Pointer(&local)) != address {
				t.Error("the stack has moved")
			}
		})
	}
}

// deep calls f below n kB of stack or more.
//
//go:noinline
func deep(n int, f func()) byte {
	var frame [1000]byte
	if n == 0 {
		f()
		return frame[0]
	}
	frame[n%len(frame)] = deep(n-1, f)
	return frame[len(frame)-1]
}
