package cluster

import (
	"io"
	"net"
	"sync"
	"testing"
)

// line carries TCP connections to a server, until it is cut: then it takes what both ends send and neither delivers nor refuses it, as a network does that has lost
// its way. What it holds comes through when it is mended.
type line struct {
	net.Listener
	to    string
	tasks sync.WaitGroup

	mu    sync.Mutex
	open  chan struct{} // guarded by mu; closed while the line is whole
	conns []net.Conn    // guarded by mu
	ended bool          // guarded by mu
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{Listener: listener, to: to, open: make(chan struct{})}
	close(l.open)
	l.tasks.Go(l.run)
	t.Cleanup(l.end)
	return l
}

func (l *line) run() {
	for {
		near, err := l.Accept()
		if err != nil {
			return
		}
		if !l.keep(near) {
			continue
		}
		l.tasks.Go(func() {
			defer func() { _ = near.Close() }() // the other end sees it, too
			l.whole()
			far, err := net.Dial("tcp", l.to)
			if err != nil || !l.keep(far) {
				return
			}
			defer func() { _ = far.Close() }()
			var both sync.WaitGroup
			both.Go(func() { l.carry(far, near) })
			both.Go(func() { l.carry(near, far) })
			both.Wait()
		})
	}
}

// keep remembers a connection, or closes it if the line has ended.
func (l *line) keep(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		_ = c.Close()
		return false
	}
	l.conns = append(l.conns, c)
	return true
}

// carry hands on what comes from one end, and its end.
func (l *line) carry(to, from net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		l.whole()
		if _, lost := to.Write(buf[:n]); lost != nil || err != nil {
			if err != io.EOF {
				_ = from.Close()
			}
			_ = to.Close()
			return
		}
	}
}

// whole waits while the line is cut.
func (l *line) whole() {
	l.mu.Lock()
	open := l.open
	l.mu.Unlock()
	<-open
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = make(chan struct{})
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.open:
	default:
		close(l.open)
	}
}

func (l *line) end() {
	_ = l.Close()
	l.mend()
	l.mu.Lock()
	l.ended = true
	for _, c := range l.conns {
		_ = c.Close()
	}
	l.mu.Unlock()
	l.tasks.Wait()
}
