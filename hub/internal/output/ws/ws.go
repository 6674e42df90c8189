// Package ws serves many cameras over one WebSocket, /ws (docs/ref/ws.md): slots that each are a viewer, with
// acknowledgements for flow control, and the list of cameras. Who may open one, the web server decides.
package ws

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/connwriter"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/frame"
)

// Subprotocol is the only one that /ws speaks.
const Subprotocol = "bramble.v1"

// Timing is how long a Handler waits.
type Timing struct {
	*output.Timing

	Ping time.Duration // between two pings of a connection
	List time.Duration // between two looks at the states of all cameras
}

// DefaultTiming returns the usual Timing, without what it shares with other outputs.
func DefaultTiming() Timing {
	return Timing{Ping: 15 * time.Second, List: 500 * time.Millisecond}
}

// Config is what a Handler needs.
type Config struct {
	Version      string // of the program
	Viewers      *viewers.Tracker
	Cameras      authz.Cameras
	Provider     output.Provider
	Outputs      *output.Handler                    // logs faults
	Slots        []output.Spec                      // the outputs that slots can carry
	Formats      func(native frame.Format) []string // outputs in which a camera with this format is available
	CheckOrigin  func(r *http.Request) error
	WriteTimeout func() time.Duration // how long a write to a client may take
	Timing       *Timing
	Refused      func() // called for a message that is too large or not understood
	Log          *slog.Logger
}

// Handler serves WebSockets.
type Handler struct {
	prometheus.Collector // of the number of sockets

	cfg      Config
	conns    sync.WaitGroup
	list     cameraList
	sockets  atomic.Int64 // open now
	messages sync.Pool    // of *[]byte, in which messages are put together
}

// NewHandler returns a Handler.
func NewHandler(cfg Config) *Handler {
	h := &Handler{cfg: cfg}
	h.Collector = metrics.NewGaugeFunc("websockets", "Number of open WebSockets.",
		func() float64 { return float64(h.sockets.Load()) })
	return h
}

// Len returns the number of open connections.
func (h *Handler) Len() int { return int(h.sockets.Load()) }

// Wait returns when all connections have ended. Their context must have ended before.
func (h *Handler) Wait() { h.conns.Wait() }

// Serve serves a client's WebSocket until it ends or ctx does. An error becomes the answer: nothing has been sent then.
func (h *Handler) Serve(ctx context.Context, w http.ResponseWriter, r *http.Request, client viewers.Client) error {
	if r.ProtoMajor != 1 || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		return problem.New(http.StatusUpgradeRequired, "/ws is a WebSocket: open it with one, over HTTP/1.1; "+
			"a single camera is simpler to have at /cam/<id>.mjpeg or .mp4")
	}
	if err := h.cfg.CheckOrigin(r); err != nil {
		return err
	}
	if !slices.Contains(offered(r), Subprotocol) {
		return problem.New(http.StatusBadRequest, "/ws speaks the subprotocol "+Subprotocol+
			": offer it in Sec-WebSocket-Protocol")
	}
	g, err := h.cfg.Viewers.Add(ctx, client, "", "")
	if err != nil {
		return err
	}
	defer h.cfg.Viewers.Remove(g)
	h.conns.Add(1)
	defer h.conns.Done()
	up := &upgrade{ResponseWriter: w, handler: h, ending: g.Context()}
	ws, err := websocket.Accept(up, r, &websocket.AcceptOptions{
		Subprotocols:       []string{Subprotocol},
		CompressionMode:    websocket.CompressionDisabled, // pictures do not shrink
		InsecureSkipVerify: true,                          // the origin is checked above
	})
	if up.out != nil {
		defer up.out.Close()
	}
	switch {
	case err == nil:
	case up.out != nil: // too late for an answer
		h.cfg.Log.Debug("answer cut short", "path", r.URL.Path, logkey.Err, err)
		return nil
	case up.refused == 0:
		return err
	default:
		return problem.New(up.refused, err.Error())
	}
	h.sockets.Add(1)
	defer h.sockets.Add(-1)
	newConn(h, g, ws, up).run()
	return nil
}

// offered lists the subprotocols that a client offers.
func offered(r *http.Request) (names []string) {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(line, ",") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// upgrade is the response to a request for a WebSocket. The connection that it hands over has deadlines. It keeps back
// what the library writes to refuse a request, because the hub answers with a problem.
type upgrade struct {
	http.ResponseWriter
	handler *Handler
	ending  context.Context
	refused int      // the status with which the library would have refused
	conn    net.Conn // what was handed over
	out     *connwriter.Writer
}

// WriteHeader implements http.ResponseWriter.
func (u *upgrade) WriteHeader(status int) {
	if status == http.StatusSwitchingProtocols {
		u.ResponseWriter.WriteHeader(status)
		return
	}
	u.refused = status
}

// Write implements http.ResponseWriter.
func (u *upgrade) Write(b []byte) (int, error) {
	if u.refused == 0 {
		return 0, errors.New("a WebSocket's answer has no body")
	}
	return len(b), nil
}

// Hijack implements http.Hijacker.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	u.conn, u.out = conn, connwriter.New(u.ending, conn, u.handler.cfg.WriteTimeout(), u.handler.cfg.Timing.Stop)
	timed := &deadlineConn{conn, u.out}
	return timed, bufio.NewReadWriter(rw.Reader, bufio.NewWriter(timed)), nil
}

// deadlineConn is the connection below a WebSocket. Its writes have deadlines.
type deadlineConn struct {
	net.Conn
	out *connwriter.Writer
}

func (l *deadlineConn) Write(b []byte) (int, error) {
	if err := l.out.Write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}
