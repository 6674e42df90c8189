package natsserver

import (
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// foreign returns subjects to which an agent or a consumer of porch must never publish.
// An answer to their own question is no exception.
func foreign(others ...credential.Credential) []string {
	list := []string{
		"cam.garden.jpeg", "cam.garden.h264", "cam.garden.still", "cam.garden.status", "cam.new.jpeg",
		"cam.garden.do.configure", "cam.garden.do.snapshot", "cam.garden.do.info", "cam.garden.do.wake",
		"cam.garden.do.keyframe",
		"$SYS.REQ.USER.INFO", "$SYS.REQ.SERVER.PING", "$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.ACCOUNT.PING.CONNZ",
		"$JS.API.INFO", "$JS.API.STREAM.CREATE.all", "$JS.API.STREAM.MSG.GET.all", "$JS.ACK.all.c.1.1.1.1.1",
		"$KV.bucket.key", "$O.bucket.M.x",
		"$SRV.PING", "$SRV.INFO", "$SRV.INFO.camera", "$SRV.STATS.camera.x", "$MQTT.sub.x", "_R_.x", "_GR_.x.x.x",
		"other.subject", "cam", "x",
	}
	for _, c := range others {
		list = append(list, credential.AgentInboxPrefix(c.Public())+".x")
	}
	return list
}

// reserved reports whether the server itself drops a question with this reply subject, since version 2.15.3.
func reserved(subj string) bool {
	return strings.HasPrefix(subj, "$JS.") || strings.HasPrefix(subj, "_R_.") || strings.HasPrefix(subj, "_GR_.")
}

// checkSelfReplies plays an agent that asks itself questions with another party's subject as the reply subject.
// It tries every way that it has and then publishes there. Nothing may arrive.
func (s fixture) checkSelfReplies(t *testing.T, porch, garden credential.Credential, all *party) {
	t.Helper()
	subjects := foreign(garden)
	wanted := append(slices.Clone(subjects), "cam.porch.jpeg") // its own subject last, to mark the end
	got := make(chan *nats.Msg, 4096)
	for _, subj := range wanted {
		if _, err := all.ChanSubscribe(subj, got); err != nil {
			t.Fatal(err)
		}
	}
	if err := all.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	own := credential.AgentInboxPrefix(porch.Public())
	for _, question := range []string{"cam.porch.do.info", "cam.porch.do.anything", own + ".x", "cam.porch.do.queue"} {
		attacker := s.mustConnectAgent(t, porch)
		heard := make(chan *nats.Msg, 1024)
		queue := ""
		if strings.HasSuffix(question, "queue") {
			queue = "q"
		}
		if _, err := attacker.ChanQueueSubscribe(question, queue, heard); err != nil {
			t.Fatal(err)
		}
		for _, subj := range subjects {
			if err := attacker.PublishRequest(question, subj, []byte("to myself")); err != nil {
				t.Fatal(err)
			}
			if !reserved(subj) {
				testutil.Receive(t, "the question to itself", heard)
			}
			forged := nats.NewMsg(subj)
			forged.Data = []byte("forged")
			if err := attacker.PublishMsg(forged); err != nil {
				t.Fatal(err)
			}
			forged.Reply = own + ".answer"
			if err := attacker.PublishMsg(forged); err != nil {
				t.Fatal(err)
			}
		}
		attacker.refused(t, "") // waits
		for _, subj := range subjects {
			if !attacker.wasDenied(subj) {
				t.Errorf("after a question on %s to itself: publishing to %s was not denied", question, subj)
			}
		}
		if err := attacker.Publish("cam.porch.jpeg", []byte("end")); err != nil {
			t.Fatal(err)
		}
		next := func() *nats.Msg { return testutil.Receive(t, "what the agent may publish", got) }
		for msg := next(); string(msg.Data) != "end"; msg = next() {
			t.Errorf("after a question on %s to itself: %q arrived at %s", question, msg.Data, msg.Subject)
		}
	}
}

// TestSelfReply: an agent asks itself a question whose reply subject belongs to another party.
// That does not allow it to publish there.
func TestSelfReply(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	hub, err := s.connect(t, s.own.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	s.checkSelfReplies(t, c.porch, c.garden, hub)
}

// TestSelfReplyExternal does the same with a separate nats-server and the shipped files.
func TestSelfReplyExternal(t *testing.T) {
	files := testutil.NewNATSConfigs(t, shippedDir)
	s := startNATSServer(t, files.Path("nats.conf"))
	hub := s.mustConnect(t, files.Keys[testutil.HubKey])
	s.checkSelfReplies(t, files.Keys[testutil.PorchKey], files.Keys[testutil.GardenKey], hub)
}
