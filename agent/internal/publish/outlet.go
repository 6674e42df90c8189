package publish

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
)

// outlet is one frame subject with its interest. Owned by the publisher's goroutine.
type outlet struct {
	conn     *nats.Conn
	interest interest
	inbox    string   // a question's reply subject is inbox plus its number
	msg      nats.Msg // reused: nats.go copies it into its own buffer
}

func newOutlet(conn *nats.Conn, subj string, linger, patience time.Duration) *outlet {
	return &outlet{
		conn:     conn,
		interest: interest{linger: linger, patience: patience},
		msg:      nats.Msg{Subject: subj, Header: nats.Header{}},
	}
}

// send publishes f, and asks for interest with it if that is due.
func (o *outlet) send(f *frame.Frame, now time.Time) error {
	frame.Encode(frame.Header(o.msg.Header), f)
	o.msg.Data = f.Payload
	asks := o.interest.due(now)
	o.msg.Reply = ""
	if asks {
		o.msg.Reply = o.replyTo()
	}
	err := o.conn.PublishMsg(&o.msg)
	o.msg.Data = nil
	if err == nil && asks {
		o.interest.ask(now)
	}
	return err
}

// replyTo returns the reply subject of the next question.
func (o *outlet) replyTo() string { return o.inbox + strconv.FormatUint(o.interest.question+1, 10) }

// probe asks for interest without payload, if that is due.
func (o *outlet) probe(now time.Time) {
	if !o.interest.dueAlone(now) {
		return
	}
	o.msg.Header = nats.Header{frame.HeaderTime: {strconv.FormatInt(now.UnixNano(), 10)}}
	o.msg.Data, o.msg.Reply = nil, o.replyTo()
	if o.conn.PublishMsg(&o.msg) == nil {
		o.interest.ask(now)
	} else {
		o.interest.nextProbe = now.Add(probeInterval)
	}
}

// refused handles the server's answer on subj that nobody subscribes. It ignores answers to other outlets' questions.
func (o *outlet) refused(subj string, now time.Time) {
	number, ok := strings.CutPrefix(subj, o.inbox)
	if !ok {
		return
	}
	if n, err := strconv.ParseUint(number, 10, 64); err == nil {
		o.interest.refused(n, now)
	}
}
