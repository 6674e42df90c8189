package request_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/request"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDo(t *testing.T) {
	nc := testutil.Connect(t, testutil.StartNATS(t))
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	if _, err := request.Do(ctx, nc, "missing", nil); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("no subscriber: %v", err)
	}
	if _, err := nc.Subscribe("echo", func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{"x", ""} {
		if msg, err := request.Do(ctx, nc, "echo", []byte(data)); err != nil || string(msg.Data) != data {
			t.Errorf("%q: %v, %v", data, msg, err)
		}
	}
	if _, err := nc.SubscribeSync("silent"); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(ctx)
	end()
	if _, err := request.Do(ended, nc, "silent", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("no answer: %v", err)
	}
	if n := nc.NumSubscriptions(); n != 2 {
		t.Errorf("%d subscriptions are left: want the two of the test", n)
	}
	nc.Close()
	if _, err := request.Do(ctx, nc, "echo", nil); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("without a connection: %v", err)
	}
}

// Each request has its own reply subject, below the prefix of the connection. It ends with 26 characters of 5 random
// bits each.
func TestInbox(t *testing.T) {
	closed := make(chan struct{})
	nc, err := nats.Connect(
		testutil.StartNATS(t),
		nats.CustomInboxPrefix("_INBOX.KEY"),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { nc.Close(); <-closed }()
	seen := make(map[string]bool)
	for range 1000 {
		tokens := strings.Split(request.Inbox(nc), ".")
		last := tokens[len(tokens)-1]
		if len(tokens) != 4 || tokens[0] != "_INBOX" || tokens[1] != "KEY" || len(last) != 26 || seen[last] {
			t.Fatalf("%q", tokens)
		}
		seen[last] = true
	}
}
