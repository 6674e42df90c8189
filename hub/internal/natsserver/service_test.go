package natsserver

import (
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/nats-io/nkeys"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func logTo(l *lines) *slog.Logger { return slog.New(l) }

func signed(t *testing.T, c credential.Credential, text string) []byte {
	t.Helper()
	kp, err := nkeys.FromSeed([]byte(c.Seed().Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := kp.Sign([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// What an agent needs works with its credential: micro services for several cameras, answers, and "no responders".
func TestAgentWorks(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	agent := s.mustConnectAgent(t, c.garden)
	if _, err := agent.Request("cam.garden.do.info", nil,
		testutil.Timeout); err != nats.ErrNoResponders { //nolint:errorlint // exactly this one
		t.Errorf("no agent serves the camera yet: %v", err)
	}
	told, question := make(chan *nats.Msg, 1), agent.NewInbox()
	if _, err := agent.ChanSubscribe(question, told); err != nil {
		t.Fatal(err)
	}
	if err := agent.PublishRequest("cam.garden.jpeg", question, nil); err != nil {
		t.Fatal(err)
	}
	if msg := testutil.Receive(t, "the answer to a probe without subscribers", told); msg.Header.Get("Status") != "503" {
		t.Errorf("it is %v", msg.Header)
	}
	for _, camera := range []string{"garden", "lab-1"} {
		svc, err := micro.AddService(agent.Conn, micro.Config{Name: "camera", Version: "1.0.0",
			Metadata: map[string]string{"camera": camera}})
		if err != nil {
			t.Fatal(err)
		}
		err = svc.AddEndpoint("info", micro.HandlerFunc(func(r micro.Request) { _ = r.Respond([]byte(camera)) }),
			micro.WithEndpointSubject("cam."+camera+".do.info"), micro.WithEndpointQueueGroupDisabled())
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := agent.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	hub, err := nats.Connect("", s.InProcess())
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	answers := make(chan *nats.Msg, 16)
	inbox := hub.NewInbox()
	if _, err := hub.ChanSubscribe(inbox, answers); err != nil {
		t.Fatal(err)
	}
	if err := hub.PublishRequest("$SRV.INFO.camera", inbox, nil); err != nil {
		t.Fatal(err)
	}
	testutil.Receive(t, "the first camera's answer", answers)
	testutil.Receive(t, "the second camera's answer, to the same reply subject", answers)
	for name, who := range map[string]*nats.Conn{"hub": hub, "itself": agent.Conn,
		"consumer": s.mustConnect(t, c.consumer).Conn} {
		msg, err := who.Request("cam.lab-1.do.info", nil, testutil.Timeout)
		if err != nil || string(msg.Data) != "lab-1" {
			t.Errorf("%s asks: %v, %v", name, msg, err)
		}
	}
	if agent.denied != nil {
		t.Errorf("denied: %q", agent.denied)
	}
}

// A consumer that does not read is cut long before nats-server's own limit, and others do not notice.
func TestSlowConsumer(t *testing.T) {
	file, c := newFile(t)
	l := &lines{}
	s := guarded(t, Config{Log: logTo(l)}, file)
	stop := make(chan struct{})
	reader := s.mustConnect(t, c.consumer)
	if _, err := reader.Subscribe("cam.porch.jpeg", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := reader.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	stalled := &stalledConn{stop: stop}
	frozen, err := s.connect(t, append(c.all.Options(), nats.SetCustomDialer(stalled))...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := frozen.Subscribe("cam.porch.jpeg", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := frozen.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	stalled.stall.Store(true)
	agent := s.mustConnect(t, c.porch)
	frame := make([]byte, 100_000)
	testutil.Eventually(t, "the one that does not read is cut", func() bool {
		if err := agent.Publish("cam.porch.jpeg", frame); err != nil {
			// at most one for each look: 10 MB/s, and nats-server's limit is 64 MB
			t.Fatal(err)
		}
		s.auth.mu.Lock()
		defer s.auth.mu.Unlock()
		for _, v := range s.auth.clients {
			if v.name == "consumer:archive" {
				return false
			}
		}
		return true
	})
	close(stop)
	if err := reader.FlushTimeout(testutil.Timeout); err != nil || !reader.IsConnected() {
		t.Errorf("the one that reads: %v", err)
	}
	testutil.Receive(t, "its connection has ended", closing(frozen.lost))
	if stats, err := s.s.Varz(nil); err != nil || stats.SlowConsumers != 0 {
		t.Errorf("nats-server's own limit was reached: %d, %v", stats.SlowConsumers, err)
	}
}

// Who has ended is forgotten.
func TestForget(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	s.mustConnect(t, c.porch).Close()
	s.mustConnect(t, c.garden)
	testutil.Eventually(t, "the server has noticed", func() bool { return s.s.NumClients() == 1 })
	s.checkLimits(time.Now(), true)
	if n := len(s.auth.all()); n != 1 {
		t.Errorf("%d are remembered: want 1", n)
	}
}
