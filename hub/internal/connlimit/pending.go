package connlimit

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/bramble-cam/bramble/internal/netutil"
)

// MaxPending bounds the connections of an address that have not sent a request yet.
const MaxPending = 64

// Pending are the connections that have not sent a whole request header.
type Pending struct {
	max     int
	exempt  func(host string) bool
	refused func(address string)

	mu        sync.Mutex
	waiting   map[net.Conn]*pendingConn
	byAddress map[string]int
}

// pendingConn is a connection without a request.
type pendingConn struct {
	conn net.Conn
	key  string
}

// pendingKey is the key of a connection's pendingConn in the contexts of its requests.
type pendingKey struct{}

// NewPending returns the bound of most connections for each address. Exempt addresses, such as those of trusted
// proxies, may stand for many clients. refused is called for each connection that is closed.
func NewPending(most int, exempt func(host string) bool, refused func(address string)) *Pending {
	return &Pending{
		max: most, exempt: exempt, refused: refused,
		waiting: make(map[net.Conn]*pendingConn), byAddress: make(map[string]int),
	}
}

// ConnContext is for http.Server. It closes a connection that is one too many.
func (p *Pending) ConnContext(ctx context.Context, conn net.Conn) context.Context {
	host := netutil.Host(conn.RemoteAddr().String())
	if p.exempt(host) {
		return ctx
	}
	c := &pendingConn{conn, netutil.AddressKey(host)}
	p.mu.Lock()
	full := p.byAddress[c.key] >= p.max
	if !full {
		p.waiting[conn] = c
		p.byAddress[c.key]++
	}
	p.mu.Unlock()
	if full {
		p.refused(host)
		_ = conn.Close() // its client has sent no request to answer
		return ctx
	}
	return context.WithValue(ctx, pendingKey{}, c)
}

// ConnState is for http.Server. It notes connections that end without a request.
func (p *Pending) ConnState(conn net.Conn, state http.ConnState) {
	if state == http.StateClosed || state == http.StateHijacked {
		p.remove(conn)
	}
}

// RequestStarted notes that a connection's request header is complete. ctx is that of the request.
func (p *Pending) RequestStarted(ctx context.Context) {
	if c, ok := ctx.Value(pendingKey{}).(*pendingConn); ok {
		p.remove(c.conn)
	}
}

// Len returns the number of connections without a request.
func (p *Pending) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting)
}

func (p *Pending) remove(conn net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.waiting[conn]
	if c == nil {
		return
	}
	delete(p.waiting, conn)
	if p.byAddress[c.key]--; p.byAddress[c.key] <= 0 {
		delete(p.byAddress, c.key)
	}
}
