package natsd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/credential"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/testkit"
)

const shippedDir = "../../../deployments/nats/"

// keyring has a credential of our own for each public key in the shipped files, in the order in which they stand there.
type keyring struct {
	dir   string // a copy of the shipped files with our keys in the place of theirs, and free ports of loopback
	order []credential.Credential
}

// The credentials' places in a keyring.
const (
	hubKey = iota
	porchKey
	gardenKey
	siteKey // of the remote site's server
	consumerKey
	shedKey // of the agent there
	keys
)

func newKeyring(t *testing.T) *keyring {
	t.Helper()
	k := &keyring{dir: t.TempDir()}
	var pairs []string
	texts := make(map[string]string)
	for _, file := range []string{"users.conf", "leaf.conf", "nats.conf", "cluster.conf"} {
		data, err := os.ReadFile(shippedDir + file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = regexp.MustCompile(`(?m)listen: "0\.0\.0\.0:\d+"`).ReplaceAllString(string(data), `listen: "127.0.0.1:-1"`)
		for _, m := range regexp.MustCompile(`nkey: (U[A-Z2-7]{55})`).FindAllStringSubmatch(string(data), -1) {
			c, err := credential.New()
			if err != nil {
				t.Fatal(err)
			}
			k.order, pairs = append(k.order, c), append(pairs, m[1], c.Public())
		}
	}
	if len(k.order) != keys {
		t.Fatalf("the files have %d keys", len(k.order))
	}
	for file, text := range texts {
		text = strings.NewReplacer(pairs...).Replace(text)
		if strings.Contains(text, "0.0.0.0") {
			t.Fatalf("%s listens where others reach it:\n%s", file, text)
		}
		if err := os.WriteFile(k.file(file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func (k *keyring) file(name string) string { return filepath.Join(k.dir, name) }

// node starts a server of the cluster that connects to others, and returns the URL of its routes.
func (k *keyring) node(t *testing.T, name, routes string) (site, string) {
	t.Helper()
	t.Setenv("NATS_NAME", name)
	t.Setenv("NATS_ROUTES", "["+routes+"]")
	t.Setenv("NATS_ROUTE_PASSWORD", "'12e4'")
	s := site{Server: start(t, Config{File: k.file("cluster.conf")})}
	return s, "nats-route://route:12e4@" + s.s.ClusterAddr().String()
}

// TestShippedFiles has nats-server's own parser read each file as it is shipped, with the variables that it asks for, and without them.
func TestShippedFiles(t *testing.T) {
	names, err := filepath.Glob(shippedDir + "*.conf")
	if err != nil || len(names) != 4 {
		t.Fatalf("the files %q, %v", names, err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return filepath.Base(name) == "users.conf" }) // a part of others
	leaf, err := credential.New()
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]map[string]string{
		"cluster.conf": {"NATS_NAME": "nats-a", "NATS_ROUTES": "[nats-route://route:12e4@nats-b:6222, nats-route://route:12e4@nats-c:6222]", "NATS_ROUTE_PASSWORD": "'12e4'"},
		"leaf.conf":    {"NATS_LEAF_URLS": "[nats-leaf://nats-a:7422]", "NATS_LEAF_SEED": leaf.Seed().Reveal()},
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
			if opts.MaxPayload != frame.MaxPayload || opts.MaxPending != 2*frame.MaxPayload || len(opts.Nkeys) == 0 {
				t.Errorf("max_payload %d, max_pending %d, %d users", opts.MaxPayload, opts.MaxPending, len(opts.Nkeys))
			}
		})
	}
}

// asked tells whether anybody takes what is published here, as an agent finds out.
func asked(t *testing.T, p *party, subj string) bool {
	t.Helper()
	_, err := p.Request(subj, []byte("frame"), 50*time.Millisecond)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return false
	case errors.Is(err, nats.ErrTimeout): // somebody has it, and frames are not answered
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

// checkDemand: frames of the agent go to the hub as long as it wants them, wherever each of them is connected, and it can ask the agent.
func checkDemand(t *testing.T, agent, hub *party, camera string) {
	t.Helper()
	frames := "cam." + camera + ".jpeg"
	testkit.Eventually(t, "nobody wants "+frames, func() bool { return !asked(t, agent, frames) })
	sub, got := sees(t, hub, frames)
	testkit.Eventually(t, "somebody wants "+frames, func() bool { return asked(t, agent, frames) })
	testkit.Receive(t, "a frame of "+camera, got)
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "nobody wants "+frames+" any more", func() bool { return !asked(t, agent, frames) })
	_, status := sees(t, hub, "cam.*.status")
	testkit.Eventually(t, "somebody wants the status", func() bool { return asked(t, agent, "cam."+camera+".status") })
	testkit.Receive(t, "a status of "+camera, status)
	serves(t, agent, camera)
	testkit.Eventually(t, "the agent answers", func() bool {
		m, err := hub.Request("cam."+camera+".do.info", nil, time.Second)
		return err == nil && string(m.Data) == "I am "+camera
	})
}

// leafURL is where servers of remote sites connect to s.
func leafURL(t *testing.T, s site) string {
	t.Helper()
	v, err := s.s.Varz(nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("nats-leaf://127.0.0.1:%d", v.LeafNode.Port)
}

// TestShippedCluster starts three servers and that of a remote site with the shipped files: interest is demand across routes and over the line to the site.
func TestShippedCluster(t *testing.T) {
	k := newKeyring(t)
	a, route := k.node(t, "nats-a", "")
	b, _ := k.node(t, "nats-b", route)
	c, _ := k.node(t, "nats-c", route)
	hub := k.order[hubKey]
	porch := a.mustConnect(t, k.order[porchKey])
	checkDemand(t, porch, c.mustConnect(t, hub), "porch")
	checkDemand(t, porch, a.mustConnect(t, hub), "porch")

	t.Setenv("NATS_LEAF_URLS", "["+leafURL(t, b)+", "+leafURL(t, c)+"]")
	t.Setenv("NATS_LEAF_SEED", k.order[siteKey].Seed().Reveal())
	data, err := os.ReadFile(k.file("leaf.conf"))
	if err != nil {
		t.Fatal(err)
	}
	// The site's own server lets its agent publish everything: what is its own decides the cluster.
	remote := site{Server: start(t, Config{File: write(t, strings.Replace(string(data), `publish: ["cam.shed.>"]`, `publish: [">"]`, 1))})}
	shed := remote.mustConnect(t, k.order[shedKey])
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
	testkit.Eventually(t, "the hub's interest is known at the site", func() bool { return asked(t, shed, "cam.shed.h264") })
	for _, subj := range []string{"cam.porch.jpeg", "cam.shed.h264"} { // in this order on the line
		if err := shed.Publish(subj, []byte("from the site")); err != nil {
			t.Fatal(err)
		}
	}
	for string(testkit.Receive(t, "a frame of the site", own).Data) != "from the site" {
	}
	if len(forged) > 0 {
		t.Errorf("%q came as a frame of porch", (<-forged).Data)
	}
}

// checkLine: frames that somebody at the site takes do not cross the line, as long as nobody beyond it does.
func checkLine(t *testing.T, remote site, shed *party) {
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
		t.Errorf("%d frames crossed the line, though nobody beyond it wants them", n)
	}
}
