package natsserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

const shippedDir = "../../../deployments/nats/"

// node starts a server of the cluster that connects to others, and returns the URL of its routes.
func node(t *testing.T, files testutil.NATSConfigs, name, routes string) (fixture, string) {
	t.Helper()
	t.Setenv("NATS_NAME", name)
	t.Setenv("NATS_ROUTES", "["+routes+"]")
	t.Setenv("NATS_ROUTE_PASSWORD", "'12e4'")
	s := fixture{Server: start(t, Config{File: files.Path("cluster.conf")})}
	return s, "nats-route://route:12e4@" + s.s.ClusterAddr().String()
}

// TestShippedFiles has nats-server's own parser read each file as it is shipped, with the variables that it asks for,
// and without them.
func TestShippedFiles(t *testing.T) {
	names, err := filepath.Glob(shippedDir + "*.conf")
	if err != nil {
		t.Fatal(err)
	}
	names = append(names, shippedDir+"../docker/nats.conf")
	if len(names) < 4 {
		t.Fatalf("the files %q", names)
	}
	// a part of others
	names = slices.DeleteFunc(names, func(name string) bool { return filepath.Base(name) == "users.conf" })
	embedded := []string{"websocket-mqtt.conf", "hubs.conf"} // parts of others
	leaf, err := credential.New()
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]map[string]string{
		"cluster.conf": {"NATS_NAME": "nats-a",
			"NATS_ROUTES":         "[nats-route://route:12e4@nats-b:6222, nats-route://route:12e4@nats-c:6222]",
			"NATS_ROUTE_PASSWORD": "'12e4'"},
		"hubs.conf": {"NATS_JETSTREAM_DIR": t.TempDir(), "NATS_JETSTREAM_KEY": "k"},
		"leaf.conf": {"NATS_LEAF_URLS": "[nats-leaf://nats-a:7422]", "NATS_LEAF_SEED": leaf.Seed().Reveal()},
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			need := variables[filepath.Base(name)]
			if _, err := server.ProcessConfigFile(name); (err == nil) != (need == nil) {
				t.Errorf("without variables: %v", err)
			}
			for v, value := range need {
				t.Setenv(v, value)
			}
			opts, err := server.ProcessConfigFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if slices.Contains(embedded, filepath.Base(name)) {
				return
			}
			if opts.MaxPayload != frame.MaxPayload || opts.MaxPending != 2*frame.MaxPayload ||
				len(opts.Nkeys) == 0 && !strings.Contains(name, "docker") {
				t.Errorf("max_payload %d, max_pending %d, %d users", opts.MaxPayload, opts.MaxPending, len(opts.Nkeys))
			}
			if opts.MaxSubTokens != maxSubTokens || opts.MaxControlLine != maxControlLine || opts.MaxSubs != maxSubs ||
				opts.MaxConn != maxConns {
				t.Errorf("max_subscription_tokens %d, max_control_line %d, max_subscriptions %d, max_connections %d",
					opts.MaxSubTokens, opts.MaxControlLine, opts.MaxSubs, opts.MaxConn)
			}
			if opts.JetStream {
				t.Error("JetStream is on in the account of the frames")
			}
			for _, u := range opts.Nkeys {
				if u.Permissions != nil && u.Permissions.Response != nil {
					t.Errorf("%s has allow_responses: it may publish to every reply subject that it chooses", u.Nkey)
				}
			}
		})
	}
}

// asked reports whether a subject has subscribers, as an agent finds out.
func asked(t *testing.T, p *party, subj string) bool {
	t.Helper()
	_, err := p.Request(subj, []byte("frame"), 50*time.Millisecond)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return false
	case errors.Is(err, nats.ErrTimeout): // a subscriber has it, and does not answer frames
		return true
	}
	t.Fatal(err)
	return false
}

// serves lets an agent answer questions about its camera.
func serves(t *testing.T, p *party, camera string) {
	t.Helper()
	_, err := p.Subscribe("cam."+camera+".do.info", func(m *nats.Msg) {
		if err := m.Respond([]byte("I am " + camera)); err != nil {
			t.Error(err)
		}
	})
	if err == nil {
		err = p.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// sees lets a hub take messages.
func sees(t *testing.T, p *party, subj string) (*nats.Subscription, <-chan *nats.Msg) {
	t.Helper()
	got := make(chan *nats.Msg, 1024)
	sub, err := p.ChanSubscribe(subj, got)
	if err == nil {
		err = p.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return sub, got
}

// checkDemand: frames of the agent go to the hub as long as it wants them, wherever each of them is connected, and it
// can ask the agent.
func checkDemand(t *testing.T, agent, hub *party, camera string) {
	t.Helper()
	frames := "cam." + camera + ".jpeg"
	testutil.Eventually(t, "no subscriber of "+frames, func() bool { return !asked(t, agent, frames) })
	sub, got := sees(t, hub, frames)
	testutil.Eventually(t, "a subscriber of "+frames, func() bool { return asked(t, agent, frames) })
	testutil.Receive(t, "a frame of "+camera, got)
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "no subscriber of "+frames+" is left", func() bool { return !asked(t, agent, frames) })
	_, status := sees(t, hub, "cam.*.status")
	testutil.Eventually(t, "a subscriber of the status", func() bool { return asked(t, agent, "cam."+camera+".status") })
	testutil.Receive(t, "a status of "+camera, status)
	serves(t, agent, camera)
	testutil.Eventually(t, "the agent answers", func() bool {
		m, err := hub.Request("cam."+camera+".do.info", nil, time.Second)
		return err == nil && string(m.Data) == "I am "+camera
	})
}

// leafURL is where servers of remote sites connect to s.
func leafURL(t *testing.T, s fixture) string {
	t.Helper()
	v, err := s.s.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("nats-leaf://127.0.0.1:%d", v.LeafNode.Port)
}

// TestShippedCluster starts three servers and that of a remote site with the shipped files: interest is demand across
// routes and over the line to the site.
func TestShippedCluster(t *testing.T) {
	files := testutil.NewNATSConfigs(t, shippedDir)
	a, route := node(t, files, "nats-a", "")
	b, _ := node(t, files, "nats-b", route)
	c, _ := node(t, files, "nats-c", route)
	hub := files.Keys[testutil.HubKey]
	porch := a.mustConnectAgent(t, files.Keys[testutil.PorchKey])
	checkDemand(t, porch, c.mustConnect(t, hub), "porch")
	checkDemand(t, porch, a.mustConnect(t, hub), "porch")

	t.Setenv("NATS_LEAF_URLS", "["+leafURL(t, b)+", "+leafURL(t, c)+"]")
	t.Setenv("NATS_LEAF_SEED", files.Keys[testutil.SiteKey].Seed().Reveal())
	data, err := os.ReadFile(files.Path("leaf.conf"))
	if err != nil {
		t.Fatal(err)
	}
	// The site's own server lets its agent publish everything: what is its own decides the cluster.
	remote := fixture{Server: start(t,
		Config{File: write(t, strings.Replace(string(data), `publish: ["cam.shed.>", `, `publish: [">", `, 1))})}
	shed := remote.mustConnectAgent(t, files.Keys[testutil.ShedKey])
	far := a.mustConnect(t, hub)
	checkDemand(t, shed, far, "shed")
	checkLine(t, remote, shed)
	checkForger(t, far, shed)
}

// checkForger: what a site publishes that is not its own does not leave it, whatever its own server allows.
func checkForger(t *testing.T, hub, shed *party) {
	t.Helper()
	_, forged := sees(t, hub, "cam.porch.jpeg")
	_, own := sees(t, hub, "cam.shed.h264")
	testutil.Eventually(t, "the hub's interest is known at the site",
		func() bool { return asked(t, shed, "cam.shed.h264") })
	for _, subj := range []string{"cam.porch.jpeg", "cam.shed.h264"} { // in this order on the line
		if err := shed.Publish(subj, []byte("from the site")); err != nil {
			t.Fatal(err)
		}
	}
	for string(testutil.Receive(t, "a frame of the site", own).Data) != "from the site" {
	}
	if len(forged) > 0 {
		t.Errorf("%q came as a frame of porch", (<-forged).Data)
	}
}

// checkLine: frames with subscribers at the site do not cross the line while they have none beyond it.
func checkLine(t *testing.T, remote fixture, shed *party) {
	t.Helper()
	crossed := func() int64 {
		l, err := remote.s.Leafz(nil)
		if err != nil || len(l.Leafs) != 1 {
			t.Fatalf("%d leaf connections, %v", len(l.Leafs), err)
		}
		return l.Leafs[0].OutMsgs
	}
	before := crossed()
	for range 100 {
		if err := shed.Publish("cam.shed.still", []byte("frame")); err != nil {
			t.Fatal(err)
		}
	}
	if err := shed.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := crossed() - before; n != 0 {
		t.Errorf("%d frames crossed the line without subscribers beyond it", n)
	}
}
