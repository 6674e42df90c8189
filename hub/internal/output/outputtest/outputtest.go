// Package outputtest serves made-up cameras in an output, for tests of outputs. It has neither NATS nor a web server.
package outputtest

import (
	"bufio"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/status"
)

// Hub has cameras and viewers.
type Hub struct {
	Viewers *viewers.Tracker
	Timing  output.Timing // tests may change it before the first request

	t       testing.TB
	ctx     context.Context
	agents  *agents
	known   *cameras.Registry
	handler *output.Handler
}

// New returns a Hub without ffmpeg. It ends with the test.
func New(t testing.TB) *Hub {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	h := &Hub{
		Viewers: viewers.New(viewers.Config{Log: log}), Timing: output.DefaultTiming(),
		t: t, agents: &agents{streams: make(map[string]*stream.Stream)},
	}
	h.known = cameras.New(cameras.Config{Agents: h.agents, Log: log})
	h.handler = output.NewHandler(output.Config{
		Viewers: h.Viewers, Provider: transcode.New(transcode.Config{FFmpeg: "/nonexistent/ffmpeg", Log: log}),
		Timing: &h.Timing, WriteTimeout: func() time.Duration { return time.Minute }, Log: log,
	})
	ctx, cancel := context.WithCancel(context.Background())
	h.ctx = ctx
	t.Cleanup(func() {
		cancel()
		h.handler.Wait()
	})
	return h
}

// Serve answers a request for a camera in an output.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, o output.HTTPOutput, cam *Camera) error {
	client := viewers.Client{Principal: auth.Anonymous(), Address: "127.0.0.1"}
	return h.handler.Serve(h.ctx, w, r, client, cam.Camera, o, r.URL.Query())
}

// ServeConn answers a GET request over a connection, and returns the header of the response.
func (h *Hub) ServeConn(conn net.Conn, o output.HTTPOutput, cam *Camera, query url.Values) (http.Header, error) {
	w := &hijacker{conn: conn, header: make(http.Header)}
	r, err := http.NewRequestWithContext(h.ctx, http.MethodGet, "/?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	r.ProtoMajor, r.ProtoMinor = 1, 1
	return w.header, h.Serve(w, r, o, cam)
}

// Server returns an HTTP server whose only resource is a camera in an output.
func (h *Hub) Server(o output.HTTPOutput, cam *Camera) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.Serve(w, r, o, cam); err != nil {
			http.Error(w, err.Error(), problem.Of(err).Status)
		}
	}))
	h.t.Cleanup(srv.Close)
	return srv
}

// hijacker is a ResponseWriter that hands over a connection.
type hijacker struct {
	http.ResponseWriter
	conn   net.Conn
	header http.Header
}

// Header implements http.ResponseWriter.
func (w *hijacker) Header() http.Header { return w.header }

// Hijack implements http.Hijacker.
func (w *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.conn, nil, nil }

// agents hands out the streams, so that a test appends frames itself.
type agents struct {
	cameras.AgentClient // nil: of the methods that no output causes to be called

	mu      sync.Mutex
	streams map[string]*stream.Stream
}

// SubscribeFrames implements cameras.AgentClient.
func (a *agents) SubscribeFrames(camera string, into *stream.Stream) (stop func(), err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.streams[camera] = into
	return func() {}, nil
}

// Wake implements cameras.AgentClient.
func (a *agents) Wake(string) {}

// RequestStatus implements cameras.AgentClient.
func (a *agents) RequestStatus(context.Context, string) (status.Status, error) {
	return status.Status{}, cameras.ErrNoAgent
}

// RequestKeyFrame implements cameras.AgentClient.
func (a *agents) RequestKeyFrame(string) {}

// Connected implements cameras.AgentClient.
func (a *agents) Connected() bool { return true }

// Camera makes a camera known and subscribes to it.
func (h *Hub) Camera(id string, codec media.Codec) *Camera {
	h.t.Helper()
	c := &Camera{t: h.t, hub: h, id: id, Codec: codec, Epoch: 1}
	c.SetState(status.Live)
	known, err := h.known.Camera(id)
	if err != nil {
		h.t.Fatal(err)
	}
	c.Camera = known
	v, err := known.Subscribe(codec, cameras.Viewer)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(v.Close)
	h.agents.mu.Lock()
	defer h.agents.mu.Unlock()
	c.Stream = h.agents.streams[id]
	return c
}
