package natsd

import (
	"time"

	"golang.org/x/time/rate"
)

// questions is how much a consumer may publish: a message of 8 MiB to an agent's verb would fill the line of a Raspberry Pi.
type questions struct {
	bytes, msgs         *rate.Limiter
	lastBytes, lastMsgs int64 // at the last look
}

func newQuestions() *questions {
	return &questions{bytes: rate.NewLimiter(consumerBytes, consumerBytesBurst), msgs: rate.NewLimiter(consumerMsgs, consumerMsgsBurst)}
}

// exceed takes in what a connection has published since it was made, and reports whether that was too much lately.
func (q *questions) exceed(now time.Time, bytes, msgs int64) bool {
	moreBytes, moreMsgs := int(bytes-q.lastBytes), int(msgs-q.lastMsgs)
	q.lastBytes, q.lastMsgs = bytes, msgs
	return !q.bytes.AllowN(now, moreBytes) || !q.msgs.AllowN(now, moreMsgs)
}
