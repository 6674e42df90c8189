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

// TestReconnectPolicy: a refusal is logged once a minute, and takes another delay.
func TestReconnectPolicy(t *testing.T) {
	var out bytes.Buffer
	p := natsconn.NewReconnectPolicy(slog.New(slog.NewTextHandler(&out, nil)),
		func(err error) (what string, remedy error) {
			if errors.Is(err, nats.ErrAuthorization) {
				return "refused", errors.New("add a credential")
			}
			return "", nil
		})
	p.RefusedDelay = 5 * time.Second
	if d := p.Delay(1); d < 250*time.Millisecond || d > 500*time.Millisecond {
		t.Errorf("without a connection: delay %v", d)
	}
	delays := make(chan time.Duration, 1)
	s := testutil.StartServer(t, server.Options{Authorization: "secret"})
	nc, err := nats.Connect(s.ClientURL(), nats.RetryOnFailedConnect(true), nats.IgnoreAuthErrorAbort(),
		nats.MaxReconnects(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
		nats.CustomReconnectDelay(func(n int) time.Duration {
			select {
			case delays <- p.Delay(n):
			default:
			}
			return 10 * time.Millisecond
		}))
	if err != nil {
		t.Fatal(err)
	}
	p.SetConn(nc)
	for refused := 0; refused < 3; {
		if d := testutil.Receive(t, "an attempt fails", delays); d >= 5*time.Second && d <= 6*time.Second {
			refused++
		}
	}
	closed := make(chan struct{}, 1)
	nc.SetClosedHandler(func(*nats.Conn) { closed <- struct{}{} })
	nc.Close()
	testutil.Receive(t, "the end", closed)
	if n := strings.Count(out.String(), "refused; trying again"); n != 1 ||
		!strings.Contains(out.String(), "add a credential") {
		t.Errorf("logged %d times:\n%s", n, out.String())
	}
}

func TestLogRefusal(t *testing.T) {
	p := natsconn.NewReconnectPolicy(testutil.Log(t), func(err error) (what string, remedy error) {
		if errors.Is(err, nats.ErrAuthorization) {
			return "refused", nil
		}
		return "", nil
	})
	if p.LogRefusal(nil) || p.LogRefusal(nats.ErrNoServers) || !p.LogRefusal(nats.ErrAuthorization) {
		t.Error("what is a refusal and what is not")
	}
}
