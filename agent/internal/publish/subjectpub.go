package publish

import (
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
)

// subjectPublisher publishes to one frame subject and tracks its interest. The publisher's goroutine owns it.
type subjectPublisher struct {
	conn     *nats.Conn
	interest interest
	inbox    string   // a question's reply subject is inbox plus its number
	msg      nats.Msg // reused: nats.go copies it into its own buffer
}

func newSubjectPublisher(conn *nats.Conn, subj string, linger, extraWait time.Duration) *subjectPublisher {
	return &subjectPublisher{
		conn:     conn,
		interest: interest{linger: linger, extraWait: extraWait},
		msg:      nats.Msg{Subject: subj, Header: nats.Header{}},
	}
}

// send publishes f, and asks for interest with it if that is due.
func (s *subjectPublisher) send(f *frame.Frame, now time.Time) error {
	frame.Encode(frame.Header(s.msg.Header), f)
	s.msg.Data = f.Payload
	asks := s.interest.due(now)
	s.msg.Reply = ""
	if asks {
		s.msg.Reply = s.replyTo()
	}
	err := s.conn.PublishMsg(&s.msg)
	s.msg.Data = nil
	if err == nil && asks {
		s.interest.ask(now)
	}
	return err
}

// replyTo returns the reply subject of the next question.
func (s *subjectPublisher) replyTo() string {
	return s.inbox + strconv.FormatUint(s.interest.question+1, 10)
}

// probe asks for interest without payload, if that is due.
func (s *subjectPublisher) probe(now time.Time) {
	if !s.interest.dueAlone(now) {
		return
	}
	s.msg.Header = nats.Header{frame.HeaderTime: {strconv.FormatInt(now.UnixNano(), 10)}}
	s.msg.Data, s.msg.Reply = nil, s.replyTo()
	if s.conn.PublishMsg(&s.msg) == nil {
		s.interest.ask(now)
	} else {
		s.interest.nextProbe = now.Add(probeInterval)
	}
}

// noResponders handles the server's answer on subj that there are no subscribers. It ignores answers to other
// questions.
func (s *subjectPublisher) noResponders(subj string, now time.Time) {
	number, ok := strings.CutPrefix(subj, s.inbox)
	if !ok {
		return
	}
	if n, err := strconv.ParseUint(number, 10, 64); err == nil {
		s.interest.noResponders(n, now)
	}
}
