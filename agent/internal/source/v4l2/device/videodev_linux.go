//go:build linux && cgo

package device

// #include <linux/videodev2.h>
import "C"

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Types and numbers of videodev2.h as the C compiler sees them, so that they fit every architecture and C library: 88
// bytes of v4l2_buffer on 64-bit systems, 68 or 80 on 32-bit ARM.
type (
	cBuffer       = C.struct_v4l2_buffer
	cBufferCount  = C.struct_v4l2_requestbuffers
	cCapability   = C.struct_v4l2_capability
	cControl      = C.struct_v4l2_queryctrl
	cInterval     = C.struct_v4l2_frmivalenum
	cEvent        = C.struct_v4l2_event
	cSubscription = C.struct_v4l2_event_subscription
	cTimings      = C.struct_v4l2_dv_timings
	cUint         = C.__u32
	cInt          = C.int
)

const (
	vidiocQueryCap       = C.VIDIOC_QUERYCAP
	vidiocReqBufs        = C.VIDIOC_REQBUFS
	vidiocQueryBuf       = C.VIDIOC_QUERYBUF
	vidiocQBuf           = C.VIDIOC_QBUF
	vidiocDQBuf          = C.VIDIOC_DQBUF
	vidiocStreamOn       = C.VIDIOC_STREAMON
	vidiocStreamOff      = C.VIDIOC_STREAMOFF
	vidiocQueryCtrl      = C.VIDIOC_QUERYCTRL
	vidiocEnumIntervals  = C.VIDIOC_ENUM_FRAMEINTERVALS
	vidiocSubscribeEvent = C.VIDIOC_SUBSCRIBE_EVENT
	vidiocDQEvent        = C.VIDIOC_DQEVENT
	vidiocQueryTimings   = C.VIDIOC_QUERY_DV_TIMINGS
	vidiocSetTimings     = C.VIDIOC_S_DV_TIMINGS

	typeCapture  = C.V4L2_BUF_TYPE_VIDEO_CAPTURE
	memoryMapped = C.V4L2_MEMORY_MMAP

	flagDone      = C.V4L2_BUF_FLAG_DONE // filled, not dequeued
	flagError     = C.V4L2_BUF_FLAG_ERROR
	flagClockMask = C.V4L2_BUF_FLAG_TIMESTAMP_MASK
	flagMonotonic = C.V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC

	eventSourceChange = C.V4L2_EVENT_SOURCE_CHANGE

	ctrlNext     = C.V4L2_CTRL_FLAG_NEXT_CTRL
	ctrlDisabled = C.V4L2_CTRL_FLAG_DISABLED
	ctrlReadOnly = C.V4L2_CTRL_FLAG_READ_ONLY
	ctrlInactive = C.V4L2_CTRL_FLAG_INACTIVE

	intervalDiscrete = C.V4L2_FRMIVAL_TYPE_DISCRETE
)

// ioctl asks the driver of fd. The pointer becomes an integer inside the call of Syscall itself: only there does the
// runtime keep what it points to alive and in place. The error is a unix.Errno as it is.
func ioctl[T any](fd int, request uintptr, arg *T) error {
	for {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(arg)))
		switch errno {
		case 0:
			return nil
		case unix.EINTR:
		default:
			return errno
		}
	}
}

// alive is false if the device was removed: a driver that is still there cannot fail to say what it is.
func alive(fd int) bool { return ioctl(fd, vidiocQueryCap, new(cCapability)) == nil }

// text reads a string of a fixed field, up to its zero.
func text(b []C.__u8) string {
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	return string(b)
}
