package cluster

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// tcpProxy carries TCP connections to a server, until it is cut: then it takes what both ends send and neither delivers
// nor refuses it, as a network does that has lost its way. What it holds comes through when it is mended.
type tcpProxy struct {
	net.Listener
	to    string
	tasks sync.WaitGroup

	mu        sync.Mutex
	connected chan struct{} // guarded by mu; closed while the line is whole
	conns     []net.Conn    // guarded by mu
	closed    bool          // guarded by mu
}

func newTCPProxy(t *testing.T, to string) *tcpProxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &tcpProxy{Listener: listener, to: to, connected: make(chan struct{})}
	close(l.connected)
	l.tasks.Go(l.run)
	t.Cleanup(l.close)
	return l
}

func (l *tcpProxy) run() {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		if !l.track(near) {
			continue
		}
		l.tasks.Go(func() {
			defer func() { _ = near.Close() }() // the other end sees it, too
			l.waitConnected()
			far, err := net.Dial("tcp", l.to)
			if err != nil || !l.track(far) {
				return
			}
			defer func() { _ = far.Close() }()
			var both sync.WaitGroup
			both.Go(func() { l.forward(far, near) })
			both.Go(func() { l.forward(near, far) })
			both.Wait()
		})
	}
}

// track remembers a connection, or closes it if the line has ended.
func (l *tcpProxy) track(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		_ = c.Close()
		return false
	}
	l.conns = append(l.conns, c)
	return true
}

// forward hands on what comes from one end, and its end.
func (l *tcpProxy) forward(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		l.waitConnected()
		if _, lost := to.Write(buf[:n]); lost != nil || err != nil {
			if !errors.Is(err, io.EOF) {
				_ = from.Close()
			}
			_ = to.Close()
			return
		}
	}
}

// waitConnected waits while the line is cut.
func (l *tcpProxy) waitConnected() {
	l.mu.Lock()
	open := l.connected
	l.mu.Unlock()
	<-open
}

func (l *tcpProxy) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.connected = make(chan struct{})
}

func (l *tcpProxy) restore() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.connected:
	default:
		close(l.connected)
	}
}

func (l *tcpProxy) close() {
	_ = l.Close()
	l.restore()
	l.mu.Lock()
	l.closed = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.mu.Unlock()
	l.tasks.Wait()
}
