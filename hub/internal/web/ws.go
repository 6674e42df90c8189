package web

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/connwriter"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// subprotocol is the only one that /ws speaks.
const subprotocol = "bramble.v1"

// webSocket answers /ws: many cameras over one connection (docs/ref/ws.md).
func (s *Server) webSocket(c echo.Context) error {
	r := c.Request()
	if r.ProtoMajor != 1 || !strings.EqualFold(r.Header.Get(echo.HeaderUpgrade), "websocket") {
		c.Response().Header().Set(echo.HeaderUpgrade, "websocket")
		return problem.New(http.StatusUpgradeRequired, "/ws is a WebSocket: open it with one, over HTTP/1.1; a single camera is simpler to have at /cam/<id>.mjpeg or .mp4")
	}
	if err := s.origin().RequireAllowed(r); err != nil {
		return err
	}
	if !slices.Contains(offered(r), subprotocol) {
		return problem.New(http.StatusBadRequest, "/ws speaks the subprotocol "+subprotocol+": offer it in Sec-WebSocket-Protocol")
	}
	g, err := s.tracker.Add(s.ending, viewers.Client{Principal: webauth.PrincipalFrom(c), Address: s.cfg.Proxies.ClientAddr(r)}, "", "")
	if err != nil {
		return err
	}
	defer s.tracker.Remove(g)
	s.responses.Add(1)
	defer s.responses.Done()
	up := &upgrade{ResponseWriter: c.Response().Writer, server: s, ending: g.Context()}
	ws, err := websocket.Accept(up, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		CompressionMode:    websocket.CompressionDisabled, // pictures do not shrink
		InsecureSkipVerify: true,                          // the origin is checked above
	})
	if up.out != nil {
		defer up.out.Close()
	}
	c.Response().Committed = up.out != nil || err == nil
	if err != nil {
		if up.refused == 0 || up.out != nil {
			return err
		}
		return problem.New(up.refused, err.Error())
	}
	s.sockets.Add(1)
	defer s.sockets.Add(-1)
	newWSConn(s, g, ws, up).run()
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

// upgrade is the answer to the request for a WebSocket. The connection that it hands over has deadlines; and what the library writes to refuse a request it keeps back: the hub
// answers with a problem.
type upgrade struct {
	http.ResponseWriter
	server  *Server
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
	u.conn, u.out = conn, connwriter.New(u.ending, conn, u.server.config().WriteTimeout, u.server.times.Stop)
	line := &line{conn, u.out}
	return line, bufio.NewReadWriter(rw.Reader, bufio.NewWriter(line)), nil
}

// line is the connection below a WebSocket: it writes as a sink does.
type line struct {
	net.Conn
	out *connwriter.Writer
}

func (l *line) Write(b []byte) (int, error) {
	if err := l.out.Write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}
