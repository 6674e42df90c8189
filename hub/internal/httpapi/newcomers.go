package httpapi

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/internal/netutil"
)

// maxWaiting bounds the connections of an address that have not sent a request yet.
const maxWaiting = 64

// newcomers are connections that have not sent a whole request header. Connections from this host and from trusted
// proxies are exempt, because they may stand for all clients.
type newcomers struct {
	max     int
	exempt  func(host string) bool
	refused func(address string)

	mu        sync.Mutex
	waiting   map[net.Conn]*newcomer
	byAddress map[string]int
}

type newcomer struct {
	conn net.Conn
	key  string
}

type newcomerKey struct{}

func newNewcomers(exempt func(host string) bool, refused func(address string)) *newcomers {
	return &newcomers{
		max: maxWaiting, exempt: exempt, refused: refused,
		waiting: make(map[net.Conn]*newcomer), byAddress: make(map[string]int),
	}
}

// come is http.Server's ConnContext. One connection too many is closed.
func (l *newcomers) come(ctx context.Context, conn net.Conn) context.Context {
	host := hostOf(conn.RemoteAddr().String())
	if l.exempt(host) {
		return ctx
	}
	n := &newcomer{conn, netutil.AddressKey(host)}
	l.mu.Lock()
	full := l.byAddress[n.key] >= l.max
	if !full {
		l.waiting[conn] = n
		l.byAddress[n.key]++
	}
	l.mu.Unlock()
	if full {
		l.refused(host)
		_ = conn.Close() // there is nothing to be said to it
		return ctx
	}
	return context.WithValue(ctx, newcomerKey{}, n)
}

// state is http.Server's ConnState: it notes those that leave without a request.
func (l *newcomers) state(conn net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		l.forget(conn)
	}
}

// arrived notes that a connection's request is here.
func (l *newcomers) arrived(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if n, ok := c.Request().Context().Value(newcomerKey{}).(*newcomer); ok {
			l.forget(n.conn)
		}
		return next(c)
	}
}

func (l *newcomers) forget(conn net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.waiting[conn]; n != nil {
		delete(l.waiting, conn)
		less(l.byAddress, n.key)
	}
}
