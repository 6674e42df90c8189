package natsserver

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const anyPort = "127.0.0.1:0"

// start starts a server and stops it when the test ends.
func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = testutil.Log(t)
	}
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// write writes a NATS configuration and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestStart(t *testing.T) {
	s := start(t, Config{Addr: anyPort})
	if host, port, err := net.SplitHostPort(s.Addr()); err != nil || host != "127.0.0.1" || port == "0" {
		t.Errorf("address %q, %v: want a port that is free on 127.0.0.1", s.Addr(), err)
	}
	if s.URL() != "nats://"+s.Addr() {
		t.Errorf("URL %q: want one for %s", s.URL(), s.Addr())
	}
	remote := testutil.Connect(t, s.URL())
	closed := make(chan struct{})
	local, err := nats.Connect("nats://example.com", s.InProcess(), nats.NoReconnect(),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan *nats.Msg, 1)
	if _, err := local.ChanSubscribe("cam.porch.jpeg", got); err != nil {
		t.Fatal(err)
	}
	if err := local.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	if err := remote.Publish("cam.porch.jpeg", make([]byte, frame.MaxPayload)); err != nil {
		t.Fatal(err)
	}
	if msg := testutil.Receive(t, "the largest frame", got); len(msg.Data) != frame.MaxPayload {
		t.Errorf("%d bytes came: want %d", len(msg.Data), frame.MaxPayload)
	}
	s.Stop()
	<-closed // Stop closes the connections
	s.Stop() // twice is once
	if conn, err := net.Dial("tcp", s.Addr()); err == nil {
		t.Errorf("the port is in use after Stop: %v", conn.Close())
	}
}

func TestBusyPort(t *testing.T) {
	busy, err := net.Listen("tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = busy.Close() }() // the test is over
	addr := busy.Addr().String()
	file := write(t, "listen: \""+addr+"\"")
	for _, c := range []struct {
		cfg    Config
		remedy []string
	}{
		{Config{Addr: addr}, []string{"--nats,", "--nats-url"}},
		{Config{Addr: anyPort, File: file}, []string{file, "--nats-url"}},
	} {
		c.cfg.Log = testutil.Log(t)
		s, err := Start(c.cfg)
		if err == nil {
			s.Stop()
			t.Errorf("%+v: no error", c.cfg)
			continue
		}
		for _, want := range append(c.remedy, addr, "address already in use") {
			if !strings.Contains(setting.Flags(err), want) {
				t.Errorf("error %q: want %q in it", err, want)
			}
		}
	}
}

func TestBadConfig(t *testing.T) {
	for _, c := range []struct {
		name, addr, file, want string
	}{
		{"no port", "127.0.0.1", "", "HOST:PORT"},
		{"empty", "", "", "HOST:PORT"},
		{"port is no number", "127.0.0.1:nats", "", "0 to 65535"},
		{"port too large", "192.0.2.1:65536", "", "0 to 65535"},
		{"port below zero", "127.0.0.1:-1", "", "0 to 65535"},
		{"address of another host", "192.0.2.1:0", "", "--nats"},
		{"no such file", anyPort, filepath.Join(t.TempDir(), "none.conf"), "none.conf"},
		{"broken file", anyPort, write(t, "listen: {"), "nats.conf"},
		{"unknown option", anyPort, write(t, "max_payloads: 1"), "max_payloads"},
		{"contradiction", anyPort, write(t, "max_payload: 8MB, max_pending: 1MB"), "max_pending"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Start(Config{Addr: c.addr, File: c.file, Log: testutil.Log(t)})
			if err == nil {
				s.Stop()
			}
			if err == nil || !strings.Contains(setting.Flags(err), c.want) {
				t.Errorf("error %v: want %q in it", err, c.want)
			}
		})
	}
}

func TestConfigFile(t *testing.T) {
	for _, c := range []struct {
		name, file string
		payload    int64
		any        bool // it listens on all addresses
	}{
		{"empty", "", frame.MaxPayload, false},
		{"payload", "max_payload: 1MB", 1 << 20, false},
		{"address", `listen: "127.0.0.1:-1"`, frame.MaxPayload, false},
		{"all addresses", "port: -1", frame.MaxPayload, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, Config{Addr: anyPort, File: write(t, c.file)})
			if nc := testutil.Connect(t, s.URL()); nc.MaxPayload() != c.payload {
				t.Errorf("max_payload %d: want %d", nc.MaxPayload(), c.payload)
			}
			host, _, err := net.SplitHostPort(s.Addr())
			if err != nil || net.ParseIP(host).IsUnspecified() != c.any {
				t.Errorf("listens on %s: %v", s.Addr(), err)
			}
		})
	}
}

// Two hubs in one NATS cluster: servers with the same name refuse each other.
func TestCluster(t *testing.T) {
	const cluster = `listen: "127.0.0.1:-1", cluster: { name: bramble, listen: "127.0.0.1:-1", %s }`
	one := start(t, Config{File: write(t, fmt.Sprintf(cluster, ""))})
	two := start(t,
		Config{File: write(t, fmt.Sprintf(cluster, "routes: [ \"nats://"+one.s.ClusterAddr().String()+"\" ]"))})
	here, there := testutil.Connect(t, one.URL()), testutil.Connect(t, two.URL())
	got := make(chan *nats.Msg, 100)
	if _, err := there.ChanSubscribe("cam.porch.jpeg", got); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "a frame comes through", func() bool {
		if err := here.Publish("cam.porch.jpeg", []byte("x")); err != nil {
			t.Fatal(err)
		}
		return len(got) > 0
	})
}

// lines is a slog.Handler that keeps what is logged.
type lines struct {
	mu   sync.Mutex
	text []string
}

func (*lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *lines) WithGroup(string) slog.Handler          { return l }

func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, r.Level.String()+" "+r.Message)
	return nil
}

func (l *lines) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.text, "\n")
}

// A user of the hub need not know that there is a server, as long as nothing is wrong.
func TestLogIsQuiet(t *testing.T) {
	l := &lines{}
	s := start(t, Config{Addr: anyPort, Log: slog.New(l)})
	testutil.Connect(t, s.URL())
	s.Stop()
	for line := range strings.Lines(l.all()) {
		if !strings.HasPrefix(line, "DEBUG nats: ") {
			t.Errorf("logged %q", line)
		}
	}
	if l.all() == "" {
		t.Error("nothing is logged at all")
	}
}

func TestLogger(t *testing.T) {
	l := &lines{}
	log := &logger{log: slog.New(l), failed: make(chan string, 1), limiter: loglimit.New(loglimit.Notices()),
		refusals: loglimit.New(clientLines(nil))}
	log.Noticef("n%d", 1)
	log.Debugf("d%d", 2)
	log.Tracef("t%d", 3)
	log.Warnf("w%d", 4)
	log.Errorf("e%d", 5)
	log.Fatalf("f%d", 6) //nolint:revive // this Fatalf returns
	if got := testutil.Receive(t, "the first fatal message, for Start", log.failed); got != "f6" {
		t.Errorf("got %q", got)
	}
	log.Errorf("127.0.0.1:%d - cid:%d - TLS handshake error: remote error: tls: bad certificate", 1, 1)
	// not again within a minute
	log.Errorf("127.0.0.1:%d - cid:%d - TLS handshake error: remote error: tls: bad certificate", 2, 2)
	log.started.Store(true)
	log.Fatalf("f%d", 7) // nothing waits for it now
	const want = "DEBUG nats: n1\nDEBUG nats: d2\nDEBUG nats: t3\nWARN nats: w4\nERROR nats: e5\n" +
		"WARN nats: 127.0.0.1:1 - cid:1 - TLS handshake error: remote error: tls: bad certificate\nERROR nats: f7"
	if l.all() != want {
		t.Errorf("logged\n%s\nwant\n%s", l.all(), want)
	}
}

// TestLimits: a client cannot fill the server's memory with subscriptions or long lines, unless a file allows it.
func TestLimits(t *testing.T) {
	for file, want := range map[string]int{"": maxSubs, "max_subscriptions: 5\n": 5} {
		cfg := Config{Addr: anyPort}
		if file != "" {
			cfg.File = write(t, file)
		}
		opts, _, err := options(cfg)
		if err != nil || opts.MaxSubs != want || opts.MaxPayload != frame.MaxPayload {
			t.Errorf("%q: %d subscriptions, %d bytes, %v", file, opts.MaxSubs, opts.MaxPayload, err)
		}
	}
	s := start(t, Config{Addr: anyPort})
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // the server has closed it
	if _, err := fmt.Fprintf(conn, "SUB %s 1\r\n", strings.Repeat("x", 8<<10)); err != nil {
		t.Fatal(err)
	}
	if answer, _ := io.ReadAll(conn); !strings.Contains(strings.ToLower(string(answer)), "maximum control line") {
		t.Errorf("a line of 8 KiB is answered with %q", answer)
	}
}
