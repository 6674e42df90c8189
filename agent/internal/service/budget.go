package service

import (
	"maps"
	"sync"
	"time"
)

const (
	// minByteRate is the share of the uplink for snapshots, in bytes a second, while the camera's own rate is lower or
	// unknown.
	minByteRate = 64 << 10

	// minBurst is how many bytes of snapshots may be sent at once. For a camera with a high rate it is a quarter of a
	// second's bytes.
	minBurst = 64 << 10
)

// bytesBudget limits the bytes of all snapshots together to the camera's own rate, and of each requester to half of it.
// A picture may be larger than the burst: it is sent whole once the debt is below the burst. A token bucket of
// x/time/rate cannot do that.
type bytesBudget struct {
	mu   sync.Mutex
	all  debt             // guarded by mu
	each map[string]*debt // guarded by mu
}

// debt is how many bytes were sent ahead of time.
type debt struct {
	bytes float64
	at    time.Time
}

// allow reports whether a picture of n bytes may be sent now, and adds it to the debt. Otherwise it returns how long to
// wait. With n = 0 it only checks.
func (b *bytesBudget) allow(requester string, n int, bitrate int64, now time.Time) (ok bool, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	perSecond := max(float64(bitrate)/8, minByteRate)
	burst := max(perSecond/4, minBurst)
	own := b.ofLocked(requester, now)
	wait = max(b.all.wait(perSecond, burst, now), own.wait(perSecond/2, burst, now))
	if wait > 0 {
		return false, wait
	}
	b.all.bytes += float64(n)
	own.bytes += float64(n)
	return true, 0
}

func (b *bytesBudget) ofLocked(requester string, now time.Time) *debt {
	if b.each[requester] == nil && len(b.each) >= maxRequesters {
		maps.DeleteFunc(b.each, func(_ string, d *debt) bool { return now.Sub(d.at) >= time.Second && d.bytes == 0 })
		if len(b.each) >= maxRequesters {
			requester = ""
		}
	}
	if b.each[requester] == nil {
		b.each[requester] = &debt{at: now}
	}
	return b.each[requester]
}

// wait reduces the debt by the time since the last call, and returns how long until it is below burst.
func (d *debt) wait(perSecond, burst float64, now time.Time) time.Duration {
	d.bytes = max(d.bytes-now.Sub(d.at).Seconds()*perSecond, 0)
	d.at = now
	if d.bytes < burst {
		return 0
	}
	return time.Duration((d.bytes-burst)/perSecond*float64(time.Second)) + time.Millisecond
}
