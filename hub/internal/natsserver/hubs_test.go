package natsserver

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/subject"
)

// hubCells are the messages between hubs: no other party may read or send them.
func hubCells() (cells []cell) {
	for _, what := range []string{subject.HubEnded, subject.HubState, subject.HubAsk, "other"} {
		cells = append(cells, cell{publish: true, subject: subject.Space{}.Hub(what)})
	}
	for _, subj := range []string{subject.Space{}.Hub("*"), "bramble-hub.>", "*.cam.ended", "*.*.state"} {
		cells = append(cells, cell{subject: subj})
	}
	return cells
}

// Agents and consumers of the embedded server cannot reach the messages between hubs.
func TestHubSubjects(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	demo, err := s.IssueAgentCredential([]string{"demo"})
	if err != nil {
		t.Fatal(err)
	}
	s.tryAll(t, hubCells(), map[string]credential.Credential{
		"porch": c.porch, "garden": c.garden, "consumer": c.consumer, "all": c.all, "demo": demo,
	})
	hub, err := nats.Connect("", s.InProcess())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	hears(t, hub, hub)
}

// The same at a separate server and at the servers of a cluster, with the shipped files.
func TestShippedHubSubjects(t *testing.T) {
	files := testutil.NewNATSConfigs(t, shippedDir)
	one := fixture{Server: start(t, Config{File: files.Path("nats.conf")})}
	a, routes := node(t, files, "nats-a", "")
	b, _ := node(t, files, "nats-b", routes)
	mine := files.Keys
	who := map[string]credential.Credential{
		"porch": mine[testutil.PorchKey], "garden": mine[testutil.GardenKey], "consumer": mine[testutil.ConsumerKey],
	}
	one.tryAll(t, hubCells(), who)
	a.tryAll(t, hubCells(), who)
	hears(t, one.mustConnect(t, mine[testutil.HubKey]).Conn, one.mustConnect(t, mine[testutil.HubKey]).Conn)
	hears(t, a.mustConnect(t, mine[testutil.HubKey]).Conn, b.mustConnect(t, mine[testutil.HubKey]).Conn)
}

// hears checks that one hub receives the messages of another one.
func hears(t *testing.T, a, b *nats.Conn) {
	t.Helper()
	got := make(chan *nats.Msg, 64)
	if _, err := b.ChanSubscribe(subject.Space{}.Hub("*"), got); err != nil {
		t.Fatal(err)
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "what a hub says is heard", func() bool { // over a route a subscription takes its time
		if err := a.Publish(subject.Space{}.Hub(subject.HubState), []byte("x")); err != nil {
			t.Fatal(err)
		}
		return a.Flush() == nil && len(got) > 0
	})
}

// The account of the hubs' credentials has JetStream. No client in the account of the frames can reach it.
func TestShippedAccountOfHubs(t *testing.T) {
	files := testutil.NewNATSConfigs(t, shippedDir)
	t.Setenv("NATS_JETSTREAM_DIR", t.TempDir())
	t.Setenv("NATS_JETSTREAM_KEY", strings.Repeat("5e", 32))
	text, err := os.ReadFile(files.Path("nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	testutil.WriteFile(t, files.Path("nats.conf"), append([]byte("include \"hubs.conf\"\n"), text...))
	s := fixture{Server: start(t, Config{File: files.Path("nats.conf")})}
	kv := func(key int) (jetstream.KeyValue, error) {
		js, err := jetstream.New(s.mustConnect(t, files.Keys[key]).Conn)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout/10)
		defer cancel()
		return js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "HUBS", History: 1, MaxBytes: 16 << 20})
	}
	bucket, err := kv(testutil.KVKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bucket.Put(t.Context(), "credentials", []byte("x")); err != nil {
		t.Error(err)
	}
	for _, key := range []int{testutil.HubKey, testutil.PorchKey, testutil.ConsumerKey} {
		if _, err := kv(key); err == nil {
			t.Errorf("key %d has JetStream", key)
		}
	}
	hubs := s.mustConnect(t, files.Keys[testutil.KVKey])
	heard, err := hubs.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	agent := s.mustConnect(t, files.Keys[testutil.PorchKey])
	if err := errors.Join(hubs.Flush(), agent.Publish("cam.porch.jpeg", []byte("x")), agent.Flush(),
		hubs.Flush()); err != nil {
		t.Fatal(err)
	}
	if n, _, err := heard.Pending(); n != 0 || err != nil {
		t.Errorf("%d messages of the other account: %v", n, err)
	}
	s.tryAll(t, hubCells(), map[string]credential.Credential{
		"porch": files.Keys[testutil.PorchKey], "consumer": files.Keys[testutil.ConsumerKey],
	})
}
