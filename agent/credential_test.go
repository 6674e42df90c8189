package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/status"
)

func newCredential(t *testing.T) credential.Credential {
	t.Helper()
	c, err := credential.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// guarded are the options of a server that knows a hub, which may do everything, and an agent of porch.
func guarded(hub, agent credential.Credential) server.Options {
	return server.Options{Nkeys: []*server.NkeyUser{
		{Nkey: hub.Public()},
		{Nkey: agent.Public(), Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{"cam.porch.>", credential.AllInboxes,
				credential.AgentInboxPrefix(agent.Public()) + ".>"}},
			Subscribe: &server.SubjectPermission{Allow: []string{
				"cam.porch.do.>", "$SRV.*", "$SRV.*.camera", "$SRV.*.camera.*", credential.AgentInboxPrefix(agent.Public()) + ".>",
			}},
		}},
	}}
}

func connectAs(t *testing.T, url string, c credential.Credential) *nats.Conn {
	t.Helper()
	closed := make(chan struct{})
	nc, err := nats.Connect(url, append(c.Options(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		<-closed
	})
	return nc
}

// logCapture is a log that can be waited on.
type logCapture struct {
	mu   sync.Mutex
	text string // guarded by mu
}

func (h *logCapture) Write(line []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text += string(line)
	return len(line), nil
}

func (h *logCapture) said(part string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Contains(h.text, part)
}

func TestCredential(t *testing.T) {
	t.Parallel()
	hub, porch := newCredential(t), newCredential(t)
	url := testutil.StartServer(t, guarded(hub, porch)).ClientURL()
	nc := connectAs(t, url, hub)
	l := &logCapture{}
	cfg := config(t, url, "porch=file:clip.jpeg")
	cfg.Credential, cfg.Log = porch, slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Log.Info("started with", "config", fmt.Sprintf("%+v", cfg))
	_, statuses := subscribe(t, nc, "cam.porch.status")
	testutil.Run(t, newAgent(t, cfg).Run)
	waitState(t, statuses, status.Idle)
	if s, err := info(nc, "porch"); err != nil || s.Camera != "porch" {
		t.Errorf("%+v, %v", s, err)
	}
	_, frames := subscribe(t, nc, "cam.porch.jpeg")
	nextFrame(t, frames)
	if l.said("does not let") || l.said(porch.Seed().Reveal()) {
		t.Errorf("said %s", l.text)
	}
}

// A camera that the credential is not for is told at once, with the remedy; the agent does not open it for nothing.
func TestCredentialOfAnotherCamera(t *testing.T) {
	t.Parallel()
	hub, porch := newCredential(t), newCredential(t)
	url := testutil.StartServer(t, guarded(hub, porch)).ClientURL()
	for _, takeover := range []bool{false, true} {
		cfg := config(t, url, "porch=file:clip.jpeg", "garden=file:clip.jpeg")
		cfg.Credential, cfg.Takeover = porch, takeover
		said := refused(t, newAgent(t, cfg))
		for _, part := range []string{"camera garden", "does not let", "bramble-hub agent add NAME --cameras garden"} {
			if !strings.Contains(said, part) {
				t.Errorf("error %q does not say %q", said, part)
			}
		}
	}
}

// An agent that is refused says so, with the remedy, and goes on trying until it is let in.
func TestRefusedAgentSaysSo(t *testing.T) {
	t.Parallel()
	hub, porch := newCredential(t), newCredential(t)
	for name, test := range map[string]struct {
		shows credential.Credential
		says  string
	}{
		"no credential": {credential.Credential{}, "credential-file"},
		"unknown":       {newCredential(t), "bramble-hub agent list"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testutil.StartServer(t, guarded(hub, porch))
			l := &logCapture{}
			cfg := config(t, s.ClientURL(), "porch=file:clip.jpeg")
			cfg.Credential, cfg.Log = test.shows, slog.New(slog.NewTextHandler(l, nil))
			testutil.Run(t, newAgent(t, cfg).Run)
			testutil.Eventually(t, "it is told",
				func() bool { return l.said("level=ERROR") && l.said("the hub refuses this agent") && l.said(test.says) })
			port := testutil.Port(t, s)
			testutil.StopServer(s)
			opts := guarded(hub, test.shows)
			if test.shows.IsZero() {
				opts.Nkeys = nil
			}
			opts.Port = port
			testutil.StartServer(t, opts)
			testutil.Eventually(t, "it is let in", func() bool { return l.said("connected to NATS") })
		})
	}
}

// A credential that is revoked while the agent runs cuts it off, and it says why.
func TestRevokedAgentSaysSo(t *testing.T) {
	t.Parallel()
	hub, porch := newCredential(t), newCredential(t)
	s := testutil.StartServer(t, guarded(hub, porch))
	l := &logCapture{}
	cfg := config(t, s.ClientURL(), "porch=file:clip.jpeg")
	cfg.Credential, cfg.Log = porch, slog.New(slog.NewTextHandler(l, nil))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	a := newAgent(t, cfg)
	go func() { ended <- a.Run(ctx) }()
	testutil.Eventually(t, "it is in", func() bool { return l.said("connected to NATS") })
	port := testutil.Port(t, s)
	testutil.StopServer(s)
	opts := guarded(hub, newCredential(t))
	opts.Port = port
	testutil.StartServer(t, opts)
	testutil.Eventually(t, "it is told", func() bool { return l.said("the hub refuses this agent") })
	cancel()
	if err := testutil.Receive(t, "it stops all the same", ended); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
