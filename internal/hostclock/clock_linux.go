package hostclock

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now returns CLOCK_MONOTONIC.
func Now() time.Duration { return get(unix.CLOCK_MONOTONIC) }

func takeReading() reading {
	return reading{before: get(unix.CLOCK_MONOTONIC), wall: get(unix.CLOCK_REALTIME), after: get(unix.CLOCK_MONOTONIC)}
}

func get(id int32) time.Duration {
	var ts unix.Timespec
	_ = unix.ClockGettime(id, &ts) // cannot fail for these two
	return time.Duration(ts.Nano())
}

// Error returns the largest error of the host's clock in microseconds as the kernel knows it (adjtimex), or -1 if
// nothing keeps the clock right: a Pi without a battery clock, before it has reached a time server.
func Error() int64 {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil || state == unix.TIME_ERROR || t.Status&unix.STA_UNSYNC != 0 {
		return -1
	}
	return int64(t.Maxerror)
}
