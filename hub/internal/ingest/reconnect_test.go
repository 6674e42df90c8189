package ingest

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// lines is a log whose lines are received.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// A hub that does not trust a NATS server logs why. It trusts a server with the right key.
func TestTrust(t *testing.T) {
	cert, other := testutil.NewCert(t, nil, nil), testutil.NewCert(t, nil, nil)
	url := "tls://" + testutil.StartServer(t,
		server.Options{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert.Certificate}}}).Addr().String()
	pin := func(c *testutil.Cert) tlstrust.Settings {
		return tlstrust.Settings{Fingerprints: []string{tlstrust.Fingerprint(c.Leaf)}, Prefix: "nats-tls"}
	}
	log := make(lines, 100)
	in, err := Dial(Config{URL: url, Trust: pin(other),
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		t.Fatal(err)
	}
	line := testutil.Receive(t, "a line that says why", log)
	in.Close()
	for _, part := range []string{"does not trust", "nats-url", "nats-tls-fingerprint " +
		tlstrust.Fingerprint(cert.Leaf)} {
		if !strings.Contains(line, part) {
			t.Errorf("logged %q, want %q", line, part)
		}
	}
	if in, err = Dial(Config{URL: url, Trust: pin(cert), Log: testutil.Log(t)}); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	testutil.Eventually(t, "connected", in.Connected)
	if in, err := Dial(Config{URL: url, Trust: tlstrust.Settings{Fingerprints: []string{"x"}, Prefix: "nats-tls"},
		Log: testutil.Log(t)}); err == nil {
		in.Close()
		t.Error("an invalid fingerprint was accepted")
	}
}

// NATS is killed and comes back at the same address: everything goes on by itself.
func TestServerRestart(t *testing.T) {
	opts := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, MaxPayload: frame.MaxPayload,
	}
	s := start(t, opts)
	url := s.ClientURL()
	in := dial(t, url, testutil.Log(t))
	l := listen(t, in)
	cam := newCam(t, "porch", frame.JPEG)
	into := cam.feed(in)
	cam.send(testutil.Connect(t, url), cam.frame(false))
	cam.wantIn(into, 1)

	stop(s)
	testutil.Eventually(t, "connection lost", func() bool { return !in.Connected() })
	in.Wake("porch") // must not wait, nor be kept for later
	if _, err := in.RequestStatus(t.Context(), "porch"); err == nil || errors.Is(err, cameras.ErrNoAgent) {
		t.Errorf("without a server: %v: want an error that does not blame the agent", err)
	}
	s = start(t, opts)
	defer stop(s)
	agent := testutil.Connect(t, url)
	serve(t, agent, "cam", "porch", encode(t, word("porch")))
	woken, err := agent.SubscribeSync("cam.porch.do.wake")
	if err != nil {
		t.Fatal(err)
	}
	testutil.Receive(t, "connected again", l.reconnected)
	if s := testutil.Receive(t, "found again", l.words); s.Camera != "porch" {
		t.Errorf("found %+v", s)
	}
	flush(t, in.nc)
	cam.send(agent, cam.frame(false))
	cam.wantIn(into, 2)
	publish(t, agent, &nats.Msg{Subject: "cam.yard.status", Data: encode(t, word("yard"))})
	for s := range l.words {
		if s.Camera == "yard" {
			break
		}
	}
	if n, _, err := woken.Pending(); err != nil || n != 0 {
		t.Errorf("%d old messages, %v: nothing may be kept while there is no connection", n, err)
	}
}

// The hub may be started before NATS.
func TestServerComesLater(t *testing.T) {
	opts := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true}
	s := start(t, opts)
	url := s.ClientURL()
	stop(s)
	in, err := Dial(Config{URL: url, Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	l := &listener{make(chan status.Status, 10), make(chan struct{}, 10)}
	stopRun := testutil.Run(t, func(ctx context.Context) error { return in.Run(ctx, l) })
	defer stopRun()
	cam := newCam(t, "porch", frame.JPEG)
	into := cam.feed(nil)
	stopFeed, err := in.SubscribeFrames("porch", into) // a viewer is there already
	if err != nil {
		t.Fatal(err)
	}
	defer stopFeed()
	s = start(t, opts)
	defer stop(s)
	agent := testutil.Connect(t, url)
	serve(t, agent, "cam", "porch", encode(t, word("porch")))
	testutil.Receive(t, "connected", l.reconnected)
	testutil.Receive(t, "found", l.words)
	flush(t, in.nc)
	cam.send(agent, cam.frame(false))
	cam.wantIn(into, 1)
}

// start starts a server. After the first time opts holds its port, so that the next one has the same.
func start(t *testing.T, opts *server.Options) *server.Server {
	t.Helper()
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	if !s.ReadyForConnections(testutil.Timeout) {
		t.Fatal("NATS server not ready")
	}
	return s
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// A hub that NATS refuses logs why at once, and connects when NATS accepts it.
func TestRefused(t *testing.T) {
	strict := testutil.StartServer(t, server.Options{Username: "hub", Password: "secret"})
	port := testutil.Port(t, strict)
	log := make(lines, 100)
	in, err := Dial(Config{
		URL: "nats://hub:wrong@" + strict.Addr().String(),
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Close)
	line := testutil.Receive(t, "a line about the refusal", log)
	for _, part := range []string{"refuses this hub", "nats-credential-file"} {
		if !strings.Contains(line, part) || strings.Contains(line, "wrong") {
			t.Errorf("logged %q, want %q", line, part)
		}
	}
	testutil.StopServer(strict)
	testutil.StartServer(t, server.Options{Port: port})
	testutil.Eventually(t, "connected", in.Connected)
}
