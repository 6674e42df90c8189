package natsserver

import (
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// heap returns the heap of this process, including the server's, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // frees what was still in pools
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// checkDeep plays an agent that makes 1,500 subscriptions of 1,900 tokens each, 5.8 MB in total.
// They cost a server without bounds 1.2 GB.
func (s fixture) checkDeep(t *testing.T, c credential.Credential) {
	t.Helper()
	own := credential.AgentInboxPrefix(c.Public())
	for _, more := range []int{1898, 400, 8} { // over both bounds, then over the bound of tokens by far and just so
		attacker := loginRaw(t, s.Addr(), c)
		before := heap()
		for i := range 1500 {
			if _, err := fmt.Fprintf(attacker, "SUB %s.%d%s %d\r\n", own, i, strings.Repeat(".a", more-1), i+1); err != nil {
				break // it was cut
			}
		}
		_, _ = attacker.Write([]byte("PING\r\n")) // if it was cut, that shows now
		said := attacker.until("PONG")
		if n := heap() - before; n > 64<<20 {
			t.Errorf("subscriptions of %d tokens hold %d MB", more+1, n>>20)
		}
		if !strings.Contains(strings.ToLower(said), "too many tokens") &&
			!strings.Contains(strings.ToLower(said), "maximum control line exceeded") &&
			said != "" {
			t.Errorf("subscriptions of %d tokens: the server says %.200q", more+1, said)
		}
		_ = attacker.Close()
	}
	if subs := s.s.NumSubscriptions(); subs > 1000 {
		t.Errorf("%d subscriptions are left", subs)
	}
}

func TestDeepSubjects(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	s.checkDeep(t, c.porch)
}

func TestDeepSubjectsExternal(t *testing.T) {
	files := testutil.NewNATSConfigs(t, shippedDir)
	s := startNATSServer(t, files.Path("nats.conf"))
	s.checkDeep(t, files.Keys[testutil.PorchKey])
}

// TestManySubscriptions plays an agent of one camera that makes 16,000 subscriptions of the largest size.
// It is cut, its memory is freed, and its credential is refused for a moment.
func TestManySubscriptions(t *testing.T) {
	file, c := newFile(t)
	l := &lines{}
	s := guarded(t, Config{Log: logTo(l)}, file)
	good := s.mustConnectAgent(t, c.garden)
	before := heap()
	attacker := loginRaw(t, s.Addr(), c.porch)
	long := credential.AgentInboxPrefix(c.porch.Public()) + strings.Repeat("."+strings.Repeat("x", 140), 5)
	for i := range 16000 {
		if _, err := fmt.Fprintf(attacker, "SUB %s.%d%s %d\r\n", long, i, strings.Repeat("y", 100), i+1); err != nil {
			break
		}
	}
	attacker.until("never")
	testutil.Eventually(t, "its subscriptions are gone", func() bool { return s.s.NumSubscriptions() < 1000 })
	if n := heap() - before; n > 64<<20 {
		t.Errorf("%d MB are held", n>>20)
	}
	if _, err := s.connect(t, c.porch.AgentOptions()...); err == nil {
		t.Error("the credential is taken at once")
	}
	if err := good.FlushTimeout(testutil.Timeout); err != nil || !good.IsConnected() {
		t.Errorf("the other agent: %v", err)
	}
	if said := l.all(); !strings.Contains(said, "exceeds its limits") {
		t.Errorf("logged\n%s", said)
	}
}

// TestEnoughSubscriptions: an agent of many cameras may have all subscriptions that it needs.
// So may a consumer that subscribes to each format of each camera.
func TestEnoughSubscriptions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	var agent, consumer credential.Credential
	var cameras []string
	for i := range 200 {
		cameras = append(cameras, fmt.Sprintf("cam%d", i))
	}
	err := credstore.Edit(file, func(d *credstore.File) (err error) {
		if agent, err = d.AddAgent("farm", cameras); err == nil {
			consumer, err = d.AddConsumer("all", []string{"*"})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	s := guarded(t, Config{}, file)
	for i, p := range []*party{s.mustConnectAgent(t, agent), s.mustConnect(t, consumer)} {
		for _, camera := range cameras {
			for n := range 14 {
				subj := fmt.Sprintf("cam.%s.do.verb%d", camera, n)
				if i == 1 {
					subj = subject.Space{}.Frames(camera, frame.JPEG)
				}
				if _, err := p.Subscribe(subj, func(*nats.Msg) {}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := p.FlushTimeout(testutil.Timeout); err != nil {
			t.Fatal(err)
		}
		s.checkLimits(time.Now(), false)
		if err := p.FlushTimeout(testutil.Timeout); err != nil || p.denied != nil {
			t.Errorf("%v, %q", err, p.denied)
		}
	}
}

// TestConnectionsOfCredential: of 150 connections with one credential the newest stay, and the oldest give way.
func TestConnectionsOfCredential(t *testing.T) {
	file, c := newFile(t)
	l := &lines{}
	s := guarded(t, Config{Log: logTo(l)}, file)
	for _, of := range []struct {
		cred  credential.Credential
		limit int
	}{{c.consumer, consumerConns}, {c.porch, agentConns}} {
		var all []*raw
		for range 150 {
			all = append(all, loginRaw(t, s.Addr(), of.cred))
		}
		testutil.Eventually(t, "all but some are cut", func() bool { return s.s.NumClients() <= of.limit })
		oldest, newest := all[:len(all)-of.limit], all[len(all)-of.limit:]
		for _, r := range oldest { // the server forgets a connection before it closes the socket
			testutil.Eventually(t, "an old connection has ended", func() bool { return r.ended(t) })
		}
		for i, r := range newest {
			if r.ended(t) {
				t.Errorf("connection %d of the newest %d has ended", i, of.limit)
			}
		}
		for _, r := range all {
			_ = r.Close()
		}
		testutil.Eventually(t, "none is left", func() bool { return s.s.NumClients() == 0 })
	}
	if said := l.all(); strings.Count(said, "too many connections use the same credential") != 2 {
		t.Errorf("logged\n%s", said)
	}
}

// An agent that has ended many connections, as a health check does, keeps the one for its cameras.
// An agent whose connection broke unnoticed can reconnect.
func TestOldConnectionsGiveWay(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	agent := s.mustConnectAgent(t, c.porch)
	for range 20 {
		r := loginRaw(t, s.Addr(), c.porch)
		_ = r.Close()
		testutil.Eventually(t, "it has ended", func() bool { return s.s.NumClients() == 1 })
	}
	if err := agent.FlushTimeout(testutil.Timeout); err != nil || !agent.IsConnected() {
		t.Errorf("the agent was cut: %v", err)
	}
	for range agentConns { // half dead
		loginRaw(t, s.Addr(), c.porch)
	}
	again := s.mustConnectAgent(t, c.porch)
	if err := again.FlushTimeout(testutil.Timeout); err != nil || !again.IsConnected() {
		t.Errorf("the agent cannot come back: %v", err)
	}
}

// TestSilentConnections: of 600 silent connections, the surplus of one address is cut.
// Clients with a credential can still connect.
func TestSilentConnections(t *testing.T) {
	file, c := newFile(t)
	l := &lines{}
	conf := write(t, `authorization { timeout: 60 }`) // otherwise all would have ended after 2 s
	s := guarded(t, Config{File: conf, Log: logTo(l)}, file)
	first := s.mustConnectAgent(t, c.porch)
	for range 600 {
		dialRaw(t, s.Addr())
	}
	testutil.Eventually(t, "those that are too many are cut",
		func() bool { return s.s.NumClients() <= unauthenticatedPerAddress+1 })
	second := s.mustConnectAgent(t, c.garden)
	for _, p := range []*party{first, second} {
		if err := p.FlushTimeout(testutil.Timeout); err != nil || !p.IsConnected() {
			t.Errorf("an agent was cut: %v", err)
		}
	}
	if n := s.s.NumClients(); n < unauthenticatedPerAddress {
		t.Errorf("%d connections are left", n)
	}
	if logged := l.all(); !strings.Contains(logged, "too many without a credential") {
		t.Errorf("logged\n%s", logged)
	}
}

// lineLengths records the lengths of a client's first lines.
type lineLengths struct {
	net.Conn
	mu      sync.Mutex
	longest map[string]int // by the first word; guarded by mu
}

// Dial implements nats.CustomDialer.
func (l *lineLengths) Dial(network, address string) (net.Conn, error) {
	var err error
	l.Conn, err = net.Dial(network, address)
	return l, err
}

func (l *lineLengths) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.SplitSeq(string(p), "\r\n") {
		word, _, _ := strings.Cut(line, " ")
		l.longest[word] = max(l.longest[word], len(line))
	}
	return l.Conn.Write(p)
}

// TestControlLine: the longest subjects, names and credentials that the project uses fit into the server's bounds.
func TestControlLine(t *testing.T) {
	token := strings.Repeat("x", 63)
	space, err := subject.NewSpace(strings.Join([]string{token, token, token, token}, "."))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "credentials.json")
	var agent credential.Credential
	err = credstore.Edit(file,
		func(d *credstore.File) (err error) { agent, err = d.AddAgent("x", []string{token}); return err })
	if err != nil {
		t.Fatal(err)
	}
	s := guarded(t, Config{Space: space}, file)
	l := &lineLengths{longest: make(map[string]int)}
	p, err := s.connect(t, append(agent.AgentOptions(), nats.SetCustomDialer(l), nats.Name("bramble-agent "+token))...)
	if err != nil {
		t.Fatal(err)
	}
	verb := space.Do(token, subject.Configure)
	asked, err := p.SubscribeSync(verb)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.SubscribeSync(p.NewInbox() + ".*.*"); err != nil {
		t.Fatal(err)
	}
	msg := &nats.Msg{
		Subject: verb, Reply: p.NewInbox() + ".still.18446744073709551615",
		Header: nats.Header{"A": {"b"}}, Data: make([]byte, 7<<20),
	}
	if err := p.PublishMsg(msg); err != nil {
		t.Fatal(err)
	}
	if _, err := asked.NextMsg(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	if p.denied != nil || !p.IsConnected() {
		t.Errorf("denied: %q", p.denied)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, word := range []string{"CONNECT", "HPUB", "SUB"} {
		if n := l.longest[word]; n == 0 || n > 700 {
			t.Errorf("the longest line %s has %d bytes: want at most 700, of %d that the server takes", word, n, maxControlLine)
		}
	}
	if n := strings.Count(space.Verbs(token), ".") + 1; n > maxSubTokens {
		t.Errorf("the longest subject has %d tokens", n)
	}
}

// Limits in the file have precedence. A server that accepts JWTs accepts longer lines.
func TestFileKeepsItsLimits(t *testing.T) {
	conf := write(t, "max_subscription_tokens: 16, max_control_line: 2048, max_connections: 10, max_subscriptions: 20")
	opts, _, err := options(Config{Addr: anyPort, File: conf})
	if err != nil {
		t.Fatal(err)
	}
	if opts.MaxSubTokens != 16 || opts.MaxControlLine != 2048 || opts.MaxConn != 10 || opts.MaxSubs != 20 {
		t.Errorf("%d tokens, lines of %d bytes, %d connections, %d subscriptions", opts.MaxSubTokens, opts.MaxControlLine,
			opts.MaxConn, opts.MaxSubs)
	}
	opts = &server.Options{AuthCallout: &server.AuthCallout{}}
	if setLimits(opts); opts.MaxControlLine != 0 || opts.MaxSubTokens != maxSubTokens {
		t.Errorf("%d tokens, lines of %d bytes", opts.MaxSubTokens, opts.MaxControlLine)
	}
}
