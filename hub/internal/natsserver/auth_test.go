package natsserver

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/subject"
)

// cell is one attempt: to publish to a subject, or to subscribe to it.
type cell struct {
	publish bool
	subject string
	allowed []string // who may
}

// TestMatrix holds what the server does against the table of docs/ref/wire.md.
func TestMatrix(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	hub, err := nats.Connect("", s.InProcess())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	demo, err := s.IssueAgentCredential([]string{"demo"})
	if err != nil {
		t.Fatal(err)
	}
	who := map[string]credential.Credential{"porch": c.porch, "garden": c.garden, "consumer": c.consumer, "all": c.all,
		"demo": demo}
	s.tryAll(t, cellsOf(who), who)
}

// cellsOf is the matrix: what is tried, and who may.
func cellsOf(who map[string]credential.Credential) []cell {
	inbox := func(name string) string { return credential.InboxPrefix(who[name].Public()) + ".x" }
	agents := func(name string) string { return credential.AgentInboxPrefix(who[name].Public()) + ".x" }
	pub := func(subj string, allowed ...string) cell { return cell{true, subj, allowed} }
	sub := func(subj string, allowed ...string) cell { return cell{false, subj, allowed} }
	return []cell{
		pub("cam.porch.jpeg", "porch"), pub("cam.porch.h264", "porch"), pub("cam.porch.still", "porch"),
		pub("cam.porch.status", "porch"), pub("cam.garden.jpeg", "garden"), pub("cam.lab-1.status", "garden"),
		pub("cam.demo.jpeg", "demo"), pub("cam.new.jpeg"),
		pub("cam.porch.do.info", "porch", "consumer", "all"), pub("cam.porch.do.snapshot", "porch", "consumer", "all"),
		pub("cam.porch.do.wake", "porch", "consumer", "all"), pub("cam.porch.do.configure", "porch"),
		pub("cam.porch.do.keyframe", "porch"),
		pub("cam.garden.do.info", "garden", "all"), pub("cam.lab-1.do.info", "garden", "consumer", "all"),
		pub("cam.lab-2.do.info", "all"), pub("$SRV.INFO.camera"), pub("$JS.API.INFO"), pub("$SYS.REQ.SERVER.PING"),
		pub("other.subject"), pub("_INBOX.x", "porch", "garden", "demo"), pub(inbox("porch"), "porch", "garden", "demo"),
		pub(inbox("consumer"), "porch", "garden", "demo"),
		pub(agents("porch"), "porch"), pub(agents("garden"), "garden"), pub(agents("consumer")), pub("_INBOX_.x"),
		pub("_R_.x"), pub("$MQTT.sub.x"),
		sub("cam.porch.jpeg", "consumer", "all"), sub("cam.porch.h264", "consumer", "all"),
		sub("cam.porch.still", "consumer", "all"), sub("cam.porch.status", "consumer", "all"),
		sub("cam.lab-1.jpeg", "consumer", "all"), sub("cam.garden.jpeg", "all"), sub("cam.lab-2.jpeg", "all"),
		sub("cam.*.jpeg", "all"), sub("cam.*.status", "all"), sub("cam.porch.*"), sub("cam.porch.>"), sub("cam.>"), sub(">"),
		sub("*.*.jpeg"), sub("cam.porch.do.info", "porch"), sub("cam.porch.do.>", "porch"), sub("cam.lab-1.do.>", "garden"),
		sub("cam.*.do.info"),
		sub("$SRV.PING", "porch", "garden", "demo"), sub("$SRV.INFO.camera", "porch", "garden", "demo"),
		sub("$SRV.STATS.camera.Xy12", "porch", "garden", "demo"), sub("$SRV.INFO.other"), sub("$SRV.>"), sub("$SYS.>"),
		sub("_INBOX.>"), sub("_INBOX.x"), sub(inbox("porch")), sub(inbox("consumer"), "consumer"),
		sub(agents("porch"), "porch"), sub(agents("consumer")), sub("*.x"),
		sub("_INBOX.*.x"), sub("_INBOX.*"), sub("$JS.>"), sub("_R_.>"), sub("$MQTT.>"), sub("$G.>"),
	}
}

// tryAll tries all cells as each client.
func (s fixture) tryAll(t *testing.T, cells []cell, who map[string]credential.Credential) {
	t.Helper()
	var err error
	for name, cred := range who {
		t.Run(name, func(t *testing.T) {
			p := s.mustConnect(t, cred)
			for _, c := range cells {
				if c.publish {
					err = p.PublishMsg(&nats.Msg{Subject: c.subject, Data: []byte("x")})
				} else {
					_, err = p.SubscribeSync(c.subject)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			p.refused(t, "") // waits
			for _, c := range cells {
				if got, want := !p.wasDenied(c.subject), slices.Contains(c.allowed, name); got != want &&
					count(cells, c.subject) == 1 {
					t.Errorf("publish %v, %s: allowed %v, want %v", c.publish, c.subject, got, want)
				}
			}
		})
	}
	for _, c := range cells { // those that are there twice, for publishing and for subscribing, are tried by themselves
		if count(cells, c.subject) > 1 {
			s.tryAlone(t, c, who)
		}
	}
}

func count(cells []cell, subj string) (n int) {
	for _, c := range cells {
		if c.subject == subj {
			n++
		}
	}
	return n
}

func (s fixture) tryAlone(t *testing.T, c cell, who map[string]credential.Credential) {
	for name, cred := range who {
		p := s.mustConnect(t, cred)
		var err error
		if c.publish {
			err = p.Publish(c.subject, []byte("x"))
		} else {
			_, err = p.SubscribeSync(c.subject)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, want := !p.refused(t, c.subject), slices.Contains(c.allowed, name); got != want {
			t.Errorf("%s: publish %v, %s: allowed %v, want %v", name, c.publish, c.subject, got, want)
		}
	}
}

// A client is refused without a credential, with one of another hub, with a removed one, and with another client's key.
func TestRefused(t *testing.T) {
	file, c := newFile(t)
	l := &lines{}
	s := guarded(t, Config{Log: logTo(l)}, file)
	s.edit(t, func(d *credstore.File) error { return d.RemoveAgent("porch") })
	testutil.Eventually(t, "the change counts",
		func() bool { _, ok := s.store.Snapshot().NATSClient(c.porch.Public()); return !ok })
	stranger, err := credential.New()
	if err != nil {
		t.Fatal(err)
	}
	stolen := nats.Nkey(c.garden.Public(), func([]byte) ([]byte, error) { return make([]byte, 64), nil })
	replayed := nats.Nkey(c.garden.Public(), func([]byte) ([]byte, error) {
		return signed(t, c.garden, "a nonce of before"), nil
	})
	for name, options := range map[string][]nats.Option{
		"no credential": nil, "revoked": c.porch.Options(), "stranger": stranger.Options(), "public key only": {stolen},
		"old signature": {replayed}, "password": {nats.UserInfo("hub", "hub")}, "token": {nats.Token("hub")},
	} {
		if _, err := s.connect(t, options...); err == nil ||
			!strings.Contains(strings.ToLower(err.Error()), "authorization violation") {
			t.Errorf("%s: %v", name, err)
		}
	}
	s.mustConnect(t, c.garden)
	said := l.all()
	for _, cred := range []credential.Credential{c.porch, c.garden, stranger} {
		if strings.Contains(said, cred.Seed().Reveal()) {
			t.Error("a seed is in the log")
		}
	}
	if !strings.Contains(said, "WARN NATS connection refused") || strings.Contains(said, "ERROR") {
		t.Errorf("logged\n%s", said)
	}
}

// Without credentials every client may do everything, on this host or with Insecure. The first credential ends that at
// once.
func TestOpen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	s := guarded(t, Config{}, file)
	p, err := s.connect(t)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.SubscribeSync("cam.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Publish("cam.porch.jpeg", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := got.NextMsg(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	var cred credential.Credential
	s.edit(t, func(d *credstore.File) (err error) { cred, err = d.AddAgent("porch", []string{"porch"}); return err })
	testutil.Receive(t, "the connection without a credential is cut", closing(p.lost))
	if _, err := s.connect(t); err == nil {
		t.Error("it could connect again")
	}
	s.mustConnect(t, cred)
	s.edit(t, func(d *credstore.File) error { return d.RemoveAgent("porch") })
	testutil.Eventually(t, "it is open again", func() bool { _, err := s.connect(t); return err == nil })

	wide := guarded(t, Config{Addr: "0.0.0.0:0"}, file)
	if _, err := wide.connect(t); err == nil {
		t.Error("a server that other hosts can reach accepts every client")
	}
	insecure := guarded(t, Config{Addr: "0.0.0.0:0", Insecure: true}, file)
	if _, err := insecure.connect(t); err != nil {
		t.Error(err)
	}
}

// Revoking takes effect at once, and on no other client.
func TestRevoke(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	porch, garden, consumer := s.mustConnect(t, c.porch), s.mustConnect(t, c.garden), s.mustConnect(t, c.consumer)
	s.edit(t, func(d *credstore.File) error { return d.RemoveAgent("porch") })
	testutil.Receive(t, "the removed agent is cut", closing(porch.lost))
	if _, err := s.connect(t, c.porch.Options()...); err == nil {
		t.Error("the removed agent could connect again")
	}
	// A new camera that a glob fits is a new right: the consumer is cut, and may have it when it is back.
	s.edit(t, func(d *credstore.File) error { _, err := d.AddAgent("lab", []string{"lab-2"}); return err })
	testutil.Receive(t, "the consumer is cut", closing(consumer.lost))
	consumer = s.mustConnect(t, c.consumer)
	if _, err := consumer.SubscribeSync("cam.lab-2.jpeg"); err != nil || consumer.refused(t, "cam.lab-2.jpeg") {
		t.Errorf("the new camera: %v", err)
	}
	if err := garden.FlushTimeout(testutil.Timeout); err != nil || !garden.IsConnected() {
		t.Errorf("the other agent: %v", err)
	}
}

// A file with users of its own decides by itself.
func TestOwnUsers(t *testing.T) {
	file, c := newFile(t)
	conf := write(t, `listen: "127.0.0.1:-1", authorization: { user: a, password: b }`)
	s := guarded(t, Config{File: conf}, file)
	if _, err := s.connect(t, c.porch.Options()...); err == nil {
		t.Error("a credential of the other file is good")
	}
	if _, err := s.connect(t, nats.UserInfo("a", "b")); err != nil {
		t.Error(err)
	}
	if cred, err := s.IssueAgentCredential([]string{"x"}); err != nil || !cred.IsZero() {
		t.Errorf("%v, %v", cred, err)
	}
}

// The root of the subjects is that of the configuration.
func TestRoot(t *testing.T) {
	file, c := newFile(t)
	space, err := subject.NewSpace("site.cam")
	if err != nil {
		t.Fatal(err)
	}
	s := guarded(t, Config{Space: space}, file)
	p := s.mustConnect(t, c.porch)
	for _, subj := range []string{"site.cam.porch.jpeg", "cam.porch.jpeg"} {
		if err := p.Publish(subj, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if p.refused(t, "site.cam.porch.jpeg") || !p.refused(t, "cam.porch.jpeg") {
		t.Errorf("denied: %q", p.denied)
	}
}
