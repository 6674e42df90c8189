package cluster

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/internal/testutil"
)

const (
	natsFiles = "../../deployments/nats"
	balancer  = "../../deployments/haproxy/haproxy.cfg"
	password  = "12e4"
)

// fixture is a cluster of three NATS servers, one at a remote site, hubs behind a load balancer, and three agents, one
// of them at the site.
type fixture struct {
	t       testing.TB
	files   testutil.NATSConfigs
	nodes   []*server
	proxies []*tcpProxy // from the agent of porch to the nodes
	hubs    []*hub
	root    string // of the URLs at the balancer
	agents  map[string]*proc.Process
}

// server is a nats-server.
type server struct {
	*proc.Process
	clients, routes, leafs string // addresses
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Skip("haproxy is not installed: make test-system installs it where it can")
	}
	s := &fixture{t: t, files: testutil.NewNATSConfigs(t, natsFiles), agents: make(map[string]*proc.Process)}
	s.cluster()
	for _, n := range s.nodes {
		s.proxies = append(s.proxies, newTCPProxy(t, n.clients))
	}
	leafs := make([]string, len(s.nodes))
	for i, n := range s.nodes {
		leafs[i] = "nats-leaf://" + n.leafs
	}
	site := s.startNATS("leaf.conf", "NATS_LEAF_URLS=["+strings.Join(leafs, ", ")+"]",
		"NATS_LEAF_SEED="+s.files.Keys[testutil.SiteKey].Seed().Reveal())
	s.startAgent(testutil.PorchKey, "porch", s.urls(func(i int) string { return s.proxies[i].Addr().String() }))
	s.startAgent(testutil.GardenKey, "garden", s.urls(func(i int) string { return s.nodes[i].clients }))
	s.startAgent(testutil.ShedKey, "shed", "nats://"+site.clients)
	for range 2 {
		s.hubs = append(s.hubs, s.startHub(freeAddr(t)))
	}
	s.startBalancer()
	return s
}

// cluster starts three NATS servers.
func (s *fixture) cluster() {
	s.t.Helper()
	routes := ""
	for i := range 3 {
		s.nodes = append(s.nodes, s.startNATS("cluster.conf", fmt.Sprintf("NATS_NAME=nats-%d", i), "NATS_ROUTES=["+routes+"]",
			"NATS_ROUTE_PASSWORD='"+password+"'"))
		routes = "nats-route://route:" + password + "@" + s.nodes[0].routes
	}
}

// start starts a program that is killed when the test ends; what it said is shown if the test has failed.
func (s *fixture) start(env []string, name string, args ...string) *proc.Process {
	s.t.Helper()
	p, err := proc.Start(env, name, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		p.Kill()
		if s.t.Failed() {
			s.t.Logf("%s, process %d, said:\n%s", filepath.Base(name), p.PID(), p.Output())
		}
	})
	return p
}

// waitOutput waits until a program has said text.
func (s *fixture) waitOutput(p *proc.Process, text string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), testutil.Timeout)
	defer cancel()
	if err := p.WaitOutput(ctx, text); err != nil {
		s.t.Fatal(err)
	}
}

// startNATS starts a nats-server with a shipped file.
func (s *fixture) startNATS(file string, env ...string) *server {
	s.t.Helper()
	p := s.start(env, binary("nats-server"), "-c", s.files.Path(file))
	s.waitOutput(p, "Server is ready")
	n := &server{Process: p}
	if file == "cluster.conf" {
		s.waitOutput(p, "Listening for route connections on ")
		n.routes, n.leafs = after(p, "Listening for route connections on "), after(p,
			"Listening for leafnode connections on ")
	}
	n.clients = after(p, "Listening for client connections on ")
	return n
}

// after is the rest of the line in which a program has said text last.
func after(p *proc.Process, text string) string {
	said := p.Output()
	i := strings.LastIndex(said, text)
	if i < 0 {
		return ""
	}
	line, _, _ := strings.Cut(said[i+len(text):], "\n")
	return strings.TrimSpace(line)
}

func (s *fixture) urls(of func(i int) string) string {
	var urls []string
	for i := range s.nodes {
		urls = append(urls, "nats://"+of(i))
	}
	return strings.Join(urls, ",")
}

func (s *fixture) startAgent(key int, camera, urls string) {
	s.t.Helper()
	p := s.start(nil, binary("bramble-agent"), "--hub", urls, "--credential-file", s.files.Seed(s.t, key), "--camera",
		camera+"=pattern:#size=160x120&fps=5")
	s.waitOutput(p, "connected to NATS")
	s.agents[camera] = p
}

// hub is a bramble-hub.
type hub struct {
	*proc.Process
	addr string // of its page
}

// startHub starts one more hub at this address.
func (s *fixture) startHub(addr string) *hub {
	s.t.Helper()
	p := s.start(nil, binary("bramble-hub"), "--http", addr, "--nats-url",
		s.urls(func(i int) string { return s.nodes[i].clients }),
		// authentication is off, also through the balancer
		"--nats-credential-file", s.files.Seed(s.t, testutil.HubKey), "--lame-duck", "3s", "--insecure")
	s.waitOutput(p, "hub ready")
	return &hub{p, addr}
}

// waitReady waits until a hub knows all cameras.
func (s *fixture) waitReady(h *hub) {
	s.t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	testutil.Eventually(s.t, "the hub is ready", func() bool { return answers(c, "http://"+h.addr+"/readyz") })
	for camera := range s.agents {
		testutil.Eventually(s.t, "the hub knows "+camera,
			func() bool { return answers(c, "http://"+h.addr+"/api/v1/cameras/"+camera) })
	}
}

// freeAddr returns an address that was free just now, for a server of which others must know it before.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it has no connections
	return l.Addr().String()
}

// startBalancer starts the balancer with the shipped file in front of two hubs.
func (s *fixture) startBalancer() {
	s.t.Helper()
	file, err := filepath.Abs(balancer)
	if err != nil {
		s.t.Fatal(err)
	}
	addr := freeAddr(s.t)
	s.start([]string{"BALANCER_BIND=" + addr, "HUB_A=" + s.hubs[0].addr, "HUB_B=" + s.hubs[1].addr}, "haproxy",
		"-db", "-f", file)
	s.root = "http://" + addr
	for _, h := range s.hubs {
		s.waitReady(h)
	}
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	testutil.Eventually(s.t, "the balancer balances", func() bool { return answers(c, s.root+"/readyz") })
}

func answers(c *http.Client, url string) bool {
	resp, err := c.Get(url)
	return err == nil && resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
}

// killNode kills the NATS server to which a program is connected, and returns when. A program says where after text.
func (s *fixture) killNode(p *proc.Process, text string) time.Time {
	s.t.Helper()
	url, _, _ := strings.Cut(after(p, text), "\"")
	i := slices.IndexFunc(s.nodes, func(n *server) bool { return url == "nats://"+n.clients })
	if i < 0 {
		s.t.Fatalf("connected to %q", url)
	}
	killed := time.Now()
	s.nodes[i].Kill()
	return killed
}

// partitionTime is how long an agent is cut off: BRAMBLE_CLUSTER_PARTITION, or a few seconds.
func partitionTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("BRAMBLE_CLUSTER_PARTITION")
	if text == "" {
		return 6 * time.Second // longer than a viewer is shown the last picture without a word
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
