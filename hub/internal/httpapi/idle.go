package httpapi

import (
	"net"
	"net/http"
	"slices"
	"sync"

	"github.com/bramble-cam/bramble/internal/netutil"
)

// maxIdle bounds the idle connections of an address, between two requests. A browser has six.
const maxIdle = 128

// idle tracks connections between two requests. It exempts this host and trusted proxies, which may stand for all
// clients.
type idle struct {
	max    int
	exempt func(host string) bool
	ended  func(address string)

	mu        sync.Mutex
	byAddress map[string][]net.Conn // in the order in which they became idle
}

func newIdle(exempt func(host string) bool, ended func(address string)) *idle {
	return &idle{max: maxIdle, exempt: exempt, ended: ended, byAddress: make(map[string][]net.Conn)}
}

// state is http.Server's ConnState. If an address has too many idle connections, the one that has waited longest is
// closed. Browsers open another one when they need it.
func (l *idle) state(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		return
	}
	host := hostOf(conn.RemoteAddr().String())
	if l.exempt(host) {
		return
	}
	if l.change(netutil.AddressKey(host), conn, state == http.StateIdle) {
		l.ended(host)
	}
}

// change records that a connection became idle or active, and reports whether another one was closed for it.
func (l *idle) change(key string, conn net.Conn, isIdle bool) (closed bool) {
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
	_ = conn.Close() // http.Server notices, and tells state
}
