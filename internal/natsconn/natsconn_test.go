package natsconn_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestReconnectPolicy: a refusal is logged once a minute, and may take another delay.
func TestReconnectPolicy(t *testing.T) {
	var out bytes.Buffer
	p := natsconn.NewReconnectPolicy(slog.New(slog.NewTextHandler(&out, nil)), func(err error) (what, remedy string) {
		if errors.Is(err, nats.ErrAuthorization) {
			return "refused", "add a credential"
		}
		return "", ""
	})
	expect := func(least, most time.Duration) {
		t.Helper()
		if d := p.Delay(1); d < least || d > most {
			t.Errorf("delay %v, want %v to %v", d, least, most)
		}
	}
	expect(250*time.Millisecond, 500*time.Millisecond)
	nc := testutil.Connect(t, testutil.StartNATS(t))
	p.SetConn(nc)
	expect(250*time.Millisecond, 500*time.Millisecond)

	s := testutil.StartServer(t, server.Options{Authorization: "secret"})
	refused, err := nats.Connect(s.ClientURL(), nats.RetryOnFailedConnect(true), nats.ReconnectWait(time.Millisecond),
		nats.IgnoreAuthErrorAbort(), nats.MaxReconnects(-1), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer refused.Close()
	testutil.Eventually(t, "the connection is refused", func() bool { return errors.Is(refused.LastError(), nats.ErrAuthorization) })
	p.SetConn(refused)
	expect(250*time.Millisecond, 500*time.Millisecond)
	p.RefusedDelay = 5 * time.Second
	expect(5*time.Second, 6*time.Second)
	if n := strings.Count(out.String(), "refused; trying again"); n != 1 || !strings.Contains(out.String(), "add a credential") {
		t.Errorf("logged %d times:\n%s", n, out.String())
	}
}
