package connlimit

import (
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/bramble-cam/bramble/internal/netutil"
)

// MaxIdle bounds the idle connections of an address. A browser has six.
const MaxIdle = 128

// Idle are the connections between two requests.
type Idle struct {
	max    int
	exempt func(host string) bool
	closed func(address string)

	mu        sync.Mutex
	byAddress map[string][]net.Conn // in the order in which they became idle
}

// NewIdle returns the bound of most connections for each address. Exempt addresses, such as those of trusted proxies,
// may stand for many clients. closed is called for each connection that is closed.
func NewIdle(most int, exempt func(host string) bool, closed func(address string)) *Idle {
	return &Idle{max: most, exempt: exempt, closed: closed, byAddress: make(map[string][]net.Conn)}
}

// ConnState is for http.Server. If an address has too many idle connections, it closes the one that has waited longest.
// Browsers open another one when they need it.
func (l *Idle) ConnState(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		return
	}
	host := netutil.Host(conn.RemoteAddr().String())
	if l.exempt(host) {
		return
	}
	if l.change(netutil.AddressKey(host), conn, state == http.StateIdle) {
		l.closed(host)
	}
}

// Len returns the number of idle connections.
func (l *Idle) Len() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, list := range l.byAddress {
		n += len(list)
	}
	return n
}

// change records that a connection became idle or active, and reports whether another one was closed for it.
func (l *Idle) change(key string, conn net.Conn, isIdle bool) (closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.byAddress[key]
	if i := slices.Index(list, conn); i >= 0 {
		list = slices.Delete(list, i, i+1)
	}
	if isIdle {
		list = append(list, conn)
	}
	if closed = len(list) > l.max; closed {
		closeNow(list[0])
		list = slices.Delete(list, 0, 1)
	}
	if len(list) == 0 {
		delete(l.byAddress, key)
	} else {
		l.byAddress[key] = list
	}
	return closed
}

// closeNow closes a connection without TLS's closing message, which could block if the peer does not read.
func closeNow(conn net.Conn) {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = wrapped.NetConn()
	}
	_ = conn.Close() // http.Server notices, and calls ConnState
}
