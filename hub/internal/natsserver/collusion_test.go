package natsserver

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestCollusion: a consumer asks a camera and names another party's subject as the reply subject.
// An agent that answers there gets nothing published.
func TestCollusion(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	hub := s.mustConnect(t, s.own)
	got := make(chan *nats.Msg, 1024)
	subjects := append(foreign(c.garden), credential.AgentInboxPrefix(c.consumer.Public())+".x")
	for _, subj := range append(subjects, "cam.porch.jpeg") {
		if _, err := hub.ChanSubscribe(subj, got); err != nil {
			t.Fatal(err)
		}
	}
	if err := hub.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	consumer, agent := s.mustConnect(t, c.consumer), s.mustConnectAgent(t, c.porch)
	asked := make(chan *nats.Msg, 1024)
	if _, err := agent.ChanSubscribe("cam.porch.do.>", asked); err != nil {
		t.Fatal(err)
	}
	if err := agent.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	for _, subj := range subjects {
		if reserved(subj) {
			continue
		}
		if err := consumer.PublishRequest("cam.porch.do.snapshot", subj, nil); err != nil {
			t.Fatal(err)
		}
		if err := testutil.Receive(t, "the question", asked).Respond([]byte("forged")); err != nil {
			t.Fatal(err)
		}
	}
	if err := agent.Publish("cam.porch.jpeg", []byte("end")); err != nil {
		t.Fatal(err)
	}
	next := func() *nats.Msg { return testutil.Receive(t, "what the agent may publish", got) }
	for msg := next(); string(msg.Data) != "end"; msg = next() {
		t.Errorf("%q arrived at %s", msg.Data, msg.Subject)
	}
}

// TestTrace: with a trace of its own frames an agent learns which connections receive them.
// It cannot have the trace published to subjects to which it may not publish itself.
func TestTrace(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	hub, agent, consumer := s.mustConnect(t, s.own), s.mustConnectAgent(t, c.porch), s.mustConnect(t, c.consumer)
	got := make(chan *nats.Msg, 16)
	for _, subj := range []string{"cam.garden.jpeg", "cam.porch.still"} {
		if _, err := hub.ChanSubscribe(subj, got); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := consumer.SubscribeSync("cam.porch.jpeg"); err != nil {
		t.Fatal(err)
	}
	traces := make(chan *nats.Msg, 16)
	own := agent.NewInbox()
	if _, err := agent.ChanSubscribe(own, traces); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*party{hub, consumer, agent} {
		if err := p.FlushTimeout(testutil.Timeout); err != nil {
			t.Fatal(err)
		}
	}
	for _, dest := range []string{"cam.garden.jpeg", "$SYS.REQ.USER.INFO", own} {
		msg := nats.NewMsg("cam.porch.jpeg")
		msg.Header.Set(server.MsgTraceDest, dest)
		if err := agent.PublishMsg(msg); err != nil {
			t.Fatal(err)
		}
	}
	if err := agent.Publish("cam.porch.still", []byte("end")); err != nil {
		t.Fatal(err)
	}
	if msg := testutil.Receive(t, "the end", got); msg.Subject != "cam.porch.still" {
		t.Errorf("a trace arrived at %s", msg.Subject)
	}
	trace := testutil.Receive(t, "the trace", traces)
	if !json.Valid(trace.Data) || strings.Contains(string(trace.Data), c.consumer.Public()) {
		t.Errorf("the trace has the consumer's key: %s", trace.Data)
	}
}

// TestOldConsumer: a consumer with the old inbox prefix gets an error at once, and the hub's operator a log line.
func TestOldConsumer(t *testing.T) {
	file, c := newFile(t)
	l := &lines{}
	s := guarded(t, Config{Log: logTo(l)}, file)
	old := s.mustConnectAgent(t, c.consumer) // agents have that prefix still
	inbox := old.NewInbox()
	if _, err := old.SubscribeSync(inbox); err != nil {
		t.Fatal(err)
	}
	if !old.refused(t, inbox) {
		t.Error("the old prefix is not refused")
	}
	if _, err := old.SubscribeSync("cam.porch.jpeg"); err != nil || old.refused(t, "cam.porch.jpeg") {
		t.Errorf("it gets no pictures: %v", err)
	}
	if said := l.all(); !strings.Contains(said, `Subscription Violation - Subject "_INBOX_`+c.consumer.Public()) {
		t.Errorf("logged\n%s", said)
	}
	if remedy := remedyOf(`Subscription Violation - Subject "_INBOX_UABC.x"`); len(remedy) != 2 ||
		!strings.Contains(remedy[1].(string), "--inbox-prefix _INBOX.U") {
		t.Errorf("the remedy is %v", remedy)
	}
	if remedyOf(`Publish Violation - Subject "cam.porch.jpeg"`) != nil {
		t.Error("a remedy for something else")
	}
}
