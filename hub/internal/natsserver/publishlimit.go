package natsserver

import (
	"time"

	"golang.org/x/time/rate"
)

// publishLimit limits how much a consumer may publish.
// A message of 8 MiB to an agent's verb would fill the network link of a Raspberry Pi.
type publishLimit struct {
	bytes, msgs         *rate.Limiter
	lastBytes, lastMsgs int64 // at the last check
}

func newPublishLimit() *publishLimit {
	return &publishLimit{
		bytes: rate.NewLimiter(consumerBytes, consumerBytesBurst),
		msgs:  rate.NewLimiter(consumerMsgs, consumerMsgsBurst),
	}
}

// exceed takes the totals that a connection has published. It reports whether the recent part exceeds the limits.
func (q *publishLimit) exceed(now time.Time, bytes, msgs int64) bool {
	moreBytes, moreMsgs := int(bytes-q.lastBytes), int(msgs-q.lastMsgs)
	q.lastBytes, q.lastMsgs = bytes, msgs
	return !q.bytes.AllowN(now, moreBytes) || !q.msgs.AllowN(now, moreMsgs)
}
