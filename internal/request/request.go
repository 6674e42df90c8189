// Package request sends NATS requests with reply subjects that cannot be guessed.
//
// Every agent may publish to every inbox, because answers go there. An agent that has seen a few reply subjects of
// nats.go can guess the next: their tokens come from math/rand or from a counter. So it could answer a request to
// another agent.
package request

import (
	"context"
	"crypto/rand"

	"github.com/nats-io/nats.go"
)

// Inbox returns a reply subject for one question: below the inboxes of the connection, with at least 128 random bits.
func Inbox(nc *nats.Conn) string { return nc.NewInbox() + "." + rand.Text() }

// Do publishes data to a subject and returns the first answer. The error is nats.ErrNoResponders if the subject has no
// subscriber, or that of ctx. Only a client that receives the request can answer it.
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
