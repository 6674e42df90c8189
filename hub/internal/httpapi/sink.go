package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// unsentLimit is how many bytes may wait in the kernel for a viewer's network, beside those that are on their way: what waits there can no longer be skipped.
// A viewer that keeps up does not feel it (docs/design/sending.md).
const unsentLimit = 64 << 10

// slowBuffer is the socket buffer in bytes of a viewer that cannot follow: what waits in it is what the viewer sees late. Others keep the kernel's
// default, which costs less CPU.
const slowBuffer = 64 << 10

// A viewer cannot follow if it misses frames lagLimit times with less than lagTime between them.
const (
	lagLimit = 3
	lagTime  = 5 * time.Second
)

// sink is where one viewer's endless response goes. Over HTTP/1 it owns the connection and writes shared slices with one writev, without chunks and
// without copies; the response ends with the connection. Over HTTP/2 it writes to the stream.
type sink struct {
	timeout time.Duration
	conn    net.Conn // HTTP/1: then w and rc are nil, and nothing of the request is kept
	w       http.ResponseWriter
	rc      *http.ResponseController
	sent    *atomic.Int64 // bytes that were offered; nil: not counted
	small   bool
	lags    int       // how often the viewer has missed frames lately
	lagged  time.Time // when it last did

	vec    [][]byte      // what was offered last, reused for writev
	rest   net.Buffers   // what of vec is still to be written; here, since a local one would be allocated for every write
	direct *directWriter // nil if the connection is no plain TCP

	unhurry  func() bool // HTTP/1: forgets to hurry when the request's context ends
	mu       sync.Mutex
	last     time.Time // no write may take longer than until then, if it is set
	deadline time.Time // as it is set
}

// openSink sends a 200 with the headers that w holds. From then on the response belongs to the sink, and has to be closed even if there is an error beside
// it. A write may take up to timeout, and none goes on for longer than grace when ending, or the request's context if the response is bound to it, has ended.
func openSink(ending context.Context, w http.ResponseWriter, r *http.Request, timeout, grace time.Duration) (*sink, error) {
	h, rc := w.Header(), http.NewResponseController(w)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy must not collect frames
	if r.ProtoMajor == 1 {
		conn, _, err := rc.Hijack()
		if err == nil {
			s := newSink(ending, conn, timeout, grace)
			return s, s.writeHead(h)
		}
	}
	if err := rc.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return nil, fmt.Errorf("this connection has no write deadline: %w", err)
	}
	w.WriteHeader(http.StatusOK)
	return &sink{timeout: timeout, w: w, rc: rc}, rc.Flush()
}

// newSink returns the sink of a connection that is the hub's alone.
func newSink(ending context.Context, conn net.Conn, timeout, grace time.Duration) *sink {
	limitUnsent(conn, unsentLimit)
	s := &sink{timeout: timeout, conn: conn, direct: newDirectWriter(conn)}
	s.unhurry = context.AfterFunc(ending, func() { s.hurry(grace) })
	return s
}

// writeHead writes the status line and the headers of a response that ends with its connection.
func (s *sink) writeHead(h http.Header) error {
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head) // a buffer takes every write
	head.WriteString("\r\n")
	return s.write(head.Bytes())
}

// offer sends the slices if that can be done without waiting. It reports false if flush has to send the rest, or to tell why it cannot: until then the
// slices must not change.
func (s *sink) offer(slices ...[]byte) bool {
	s.vec = append(s.vec[:0], slices...)
	s.rest = s.vec
	if s.sent != nil {
		n := 0
		for _, b := range slices {
			n += len(b)
		}
		s.sent.Add(int64(n))
	}
	if s.direct == nil || !s.unhurried() {
		return false
	}
	s.consume(s.direct.write(s.rest))
	return len(s.rest) == 0
}

// consume takes off n bytes that have been written.
func (s *sink) consume(n int) {
	for len(s.rest) > 0 && n >= len(s.rest[0]) {
		n -= len(s.rest[0])
		s.rest[0] = nil
		s.rest = s.rest[1:]
	}
	if n > 0 {
		s.rest[0] = s.rest[0][n:]
	}
}

// flush sends what offer left, or fails: a viewer that does not take it in the time given is lost.
func (s *sink) flush() error {
	if len(s.rest) == 0 {
		return nil
	}
	defer func() { clear(s.vec) }()
	if s.conn != nil {
		if err := s.setDeadline(); err != nil {
			return err
		}
		_, err := s.rest.WriteTo(s.conn)
		return err
	}
	if err := s.rc.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return err
	}
	for _, b := range s.rest {
		if _, err := s.w.Write(b); err != nil {
			return err
		}
	}
	s.rest = nil
	return s.rc.Flush()
}

// write sends the slices as one. They are not changed and not kept.
func (s *sink) write(slices ...[]byte) error {
	if s.offer(slices...) {
		return nil
	}
	return s.flush()
}

// setDeadline gives the next write its time, or leaves it what is left of the last one's, if that is three quarters of it: to set a deadline is one of
// the dearest parts of a small write. Reading has no deadline: a viewer need not say anything.
func (s *sink) setDeadline() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !s.last.IsZero() {
		return nil // hurry has set it
	}
	if s.deadline.Sub(now) > s.timeout*3/4 {
		return nil
	}
	s.deadline = now.Add(s.timeout)
	return s.conn.SetWriteDeadline(s.deadline)
}

// unhurried removes a deadline that is near: it was for a write that had to wait, and a direct one does not. It reports false if the sink must hurry.
func (s *sink) unhurried() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.last.IsZero():
		return false
	case s.deadline.IsZero(), time.Until(s.deadline) > s.timeout/4:
		return true
	}
	s.deadline = time.Time{}
	return s.conn.SetWriteDeadline(s.deadline) == nil
}

// hurry lets the write that is under way end soon: the hub stops, and must not wait for a viewer that is stuck.
func (s *sink) hurry(grace time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now().Add(grace)
	if s.deadline.IsZero() || s.last.Before(s.deadline) {
		_ = s.conn.SetWriteDeadline(s.last) // fails only if the connection is closed already
	}
}

// lagging tells the sink that its viewer has missed frames. One that does so again and again gets a small buffer; a hiccup of the hub, which all viewers feel, costs nobody
// anything.
func (s *sink) lagging() {
	now := time.Now()
	if s.lags++; now.Sub(s.lagged) > lagTime {
		s.lags = 1
	}
	s.lagged = now
	if s.small || s.lags < lagLimit {
		return
	}
	s.small = true
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(slowBuffer) // without it the viewer is shown older pictures, no worse
	}
}

// gone reports whether the viewer has closed its end. Only an HTTP/1 sink can tell; for others the request's context ends.
func (s *sink) gone() bool { return s.conn != nil && peerClosed(s.conn) }

// detached reports whether the response goes on when the request's handler returns.
func (s *sink) detached() bool { return s.conn != nil }

// close ends the response.
func (s *sink) close() {
	if s.conn != nil {
		s.unhurry()
		_ = s.conn.Close() // nothing is left to be said to this viewer
	}
}
