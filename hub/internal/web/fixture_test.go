package web

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/apiv1"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/ingest"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// agents replaces NATS. It hands out the streams, so that a test appends frames itself.
type agents struct {
	mu       sync.Mutex
	streams  map[string]*stream.Stream
	feedErr  error
	feedFunc func() // called by Feed, if set
	away     bool   // NATS cannot be reached
}

func (a *agents) SubscribeFrames(camera string, into *stream.Stream) (stop func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.feedFunc != nil {
		a.feedFunc()
	}
	a.streams[camera] = into
	return func() {}, a.feedErr
}

func (a *agents) stream(camera string) *stream.Stream {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.streams[camera]
}

func (a *agents) Wake(string) {}

func (a *agents) RequestKeyFrame(string) {}

func (a *agents) OverloadReason() string { return "" }

func (a *agents) RequestStatus(context.Context, string) (status.Status, error) {
	return status.Status{}, cameras.ErrNoAgent
}

func (a *agents) Connected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.away
}

func (a *agents) setAway(away bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away = away
}

// testServer is a Server with its registry and test agents. It does not run.
type testServer struct {
	t      testing.TB
	agents *agents
	reg    *cameras.Registry
	tr     *transcode.Transcoder
	srv    *Server
}

func newTestServer(t testing.TB, bounds stream.Config) *testServer {
	a := &agents{streams: make(map[string]*stream.Stream)}
	reg := cameras.New(cameras.Config{Agents: a, Stream: bounds, Log: testutil.Log(t)})
	tr := transcode.New(transcode.Config{FFmpeg: "/nonexistent/ffmpeg", Log: testutil.Log(t)})
	return &testServer{t, a, reg, tr, New(Config{
		Registry: reg, Transcoder: tr, Outputs: outputs.All(), Connected: a.Connected,
		RuntimeConfig: RuntimeConfig{AllowHosts: []string{"hub", "example.com"}}, Insecure: true,
		Info: apiv1.Info{Version: "1.2.3"},
		Collectors: []prometheus.Collector{
			ingest.NewCollector(a.Connected, func() uint64 { return 7 }), cameras.NewCollector(reg, tr.Delivered),
			transcode.NewCollector(tr, reg.Cameras),
		},
		Log: testutil.Log(t),
	})}
}

// camera makes a camera known. It subscribes once, so that the camera has a stream.
func (h *testServer) camera(id string, f frame.Format) *camera {
	h.t.Helper()
	c := &camera{t: h.t, testServer: h, id: id, format: f, epoch: 1}
	c.say(status.Live, "")
	known, err := h.reg.Camera(id)
	if err != nil {
		h.t.Fatal(err)
	}
	c.Camera = known
	v, err := known.Subscribe(media.Codec(f), cameras.Viewer)
	if err != nil {
		h.t.Fatal(err)
	}
	v.Close()
	c.stream = h.agents.stream(id)
	return c
}

// fixture is a testServer whose server runs.
type fixture struct {
	*testServer
	addr     string
	client   *http.Client
	stop     func()
	listener *listener
}

// listener records the server's ends of the connections.
type listener struct {
	net.Listener
	accepted chan net.Conn
}

func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		select {
		case l.accepted <- conn:
		default:
		}
	}
	return conn, err
}

func listen(t testing.TB) *listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &listener{l, make(chan net.Conn, 100)}
}

// newFixture starts a server. The functions tune change it before.
func newFixture(t testing.TB, bounds stream.Config, tune ...func(*Server)) *fixture {
	t.Helper()
	h := newTestServer(t, bounds)
	for _, f := range tune {
		f(h.srv)
	}
	return runFixture(t, h)
}

// runFixture starts the server of a testServer.
func runFixture(t testing.TB, h *testServer) *fixture {
	t.Helper()
	r := &fixture{testServer: h, listener: listen(t)}
	r.addr = r.listener.Addr().String()
	testutil.Run(t, r.tr.Run)
	r.stop = testutil.Run(t, func(ctx context.Context) error { return r.srv.Run(ctx, r.listener) })
	transport := &http.Transport{DisableCompression: true}
	r.client = &http.Client{Transport: transport, Timeout: testutil.Timeout}
	t.Cleanup(transport.CloseIdleConnections)
	return r
}

// fast shortens the times without a frame.
func fast(s *Server) { s.times.Idle, s.times.Placeholder = 10*time.Millisecond, 200*time.Millisecond }

// conn is a client's connection on which a response has begun. Reading fails after testutil.Timeout.
type conn struct {
	net.Conn
	t    testing.TB
	r    *bufio.Reader
	resp *http.Response
}

// open sends a GET request and reads the head of the response.
func (r *fixture) open(path string) *conn {
	r.t.Helper()
	c := r.send("GET " + path + " HTTP/1.1\r\nHost: hub\r\n\r\n")
	c.head()
	if c.resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %s", path, c.resp.Status)
	}
	return c
}

// send opens a connection and writes text.
func (r *fixture) send(text string) *conn {
	r.t.Helper()
	tcp, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = tcp.Close() }) // a test may have closed it
	if err := tcp.SetDeadline(time.Now().Add(testutil.Timeout)); err != nil {
		r.t.Fatal(err)
	}
	if err := tcp.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		// what a viewer does not read should not vanish in the kernel
		r.t.Fatal(err)
	}
	if _, err := tcp.Write([]byte(text)); err != nil {
		r.t.Fatal(err)
	}
	return &conn{Conn: tcp, t: r.t, r: bufio.NewReader(tcp)}
}

func (c *conn) head() {
	c.t.Helper()
	var err error
	if c.resp, err = http.ReadResponse(c.r, &http.Request{Method: http.MethodGet}); err != nil {
		c.t.Fatal(err)
	}
}

// viewers waits until the camera has n viewers.
func (c *camera) viewers(n int) {
	c.t.Helper()
	testutil.Eventually(c.t, fmt.Sprintf("%d viewers of %s", n, c.id), func() bool { return c.Info().Viewers == n })
}
