// Package request asks questions by NATS with reply subjects that nobody can guess.
//
// Every agent may publish to every inbox, because answers go there. The reply subjects of nats.go can be guessed by whoever has seen a few of
// them: their tokens come from math/rand or from a counter. So an agent that was asked once could answer the next question in another's place.
package request

import (
	"context"
	"crypto/rand"

	"github.com/nats-io/nats.go"
)

// Inbox returns a reply subject for one question: below the inboxes of the connection, with at least 128 random bits.
func Inbox(nc *nats.Conn) string { return nc.NewInbox() + "." + rand.Text() }

// Do publishes data to a subject and returns the first answer. The error is nats.ErrNoResponders if nobody receives the question, or that of ctx.
// Only who receives the question can answer it.
func Do(ctx context.Context, nc *nats.Conn, subj string, data []byte) (*nats.Msg, error) {
	inbox := Inbox(nc)
	sub, err := nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed already
	if err := nc.PublishRequest(subj, inbox, data); err != nil {
		return nil, err
	}
	return sub.NextMsgWithContext(ctx) // it makes nats.ErrNoResponders of the server's answer
}
