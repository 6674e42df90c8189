//go:build !linux

package hostclock

import "time"

// Now returns a monotonic time.
func Now() time.Duration { return time.Duration(time.Now().UnixNano()) }

func takeReading() reading {
	now := Now()
	return reading{now, now, now}
}

// Error returns -1: how right the clock is, is not known here.
func Error() int64 { return -1 }
