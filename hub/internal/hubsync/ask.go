package hubsync

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Ask returns the hubs that answer until ctx ends, compared with the credentials of b.
// It is for programs other than hubs.
func Ask(ctx context.Context, nc *nats.Conn, space subject.Space, b *credstore.Snapshot) ([]Other, error) {
	key := b.HubKey()
	if key == nil {
		return nil, nil
	}
	own, err := b.Edition()
	if err != nil {
		return nil, err
	}
	sub, err := nc.SubscribeSync(space.Hub(subject.HubState))
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", space.Hub(subject.HubState), err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails only if the connection is closed already
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	msg, err := seal(key, space.Hub(subject.HubAsk), message{Instance: hex.EncodeToString(id), Ask: true})
	if err != nil {
		return nil, err
	}
	if err := nc.PublishMsg(msg); err != nil {
		return nil, fmt.Errorf("publish to %s: %w", msg.Subject, err)
	}
	found := newOtherHubs(slog.New(slog.DiscardHandler))
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrSlowConsumer) {
			continue // some messages are lost
		}
		if err != nil { // ctx has ended
			return found.list(), nil //nolint:nilerr // the end of ctx is the end of the question
		}
		m, err := open(key, msg)
		switch {
		case errors.Is(err, errForeignKey):
			found.addForeign(time.Now())
		case err == nil && m.State != nil:
			found.update(m.Instance, *m.State, own, time.Now(), defaultTimes())
		}
	}
}
