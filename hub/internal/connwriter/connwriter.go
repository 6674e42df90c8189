// Package connwriter writes a response without an end to one client, without copying what many clients share.
//
// It knows connections, deadlines and bytes. Cameras, formats and who the client is do not belong here.
package connwriter

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

// unsentLimit bounds the bytes that wait in the kernel to be sent. Bytes that wait there can no longer be skipped.
// A client that keeps up does not notice (docs/benchmarks/2026-11-25-sending.md).
const unsentLimit = 64 << 10

// SlowBuffer is the size in bytes of a slow client's socket buffer. What waits in it reaches the client late. Other
// clients keep the kernel's default, which costs less CPU.
const SlowBuffer = 64 << 10

// A client is slow if it misses frames SkipLimit times with less than skipWindow between them.
const (
	SkipLimit  = 3
	skipWindow = 5 * time.Second
)

// Writer writes one client's endless response. Over HTTP/1 it owns the connection and writes shared slices with one
// writev, without chunks and without copies. The response ends with the connection. Over HTTP/2 it writes to the
// stream.
//
// Only one goroutine at a time may use a Writer.
type Writer struct {
	timeout time.Duration
	conn    net.Conn // HTTP/1: then w and rc are nil, and nothing of the request is kept
	w       http.ResponseWriter
	rc      *http.ResponseController
	sent    *atomic.Int64 // bytes that were handed over; nil: not counted
	small   bool          // the socket buffer has been made small
	skips   int           // how often the client has missed frames recently
	skipped time.Time     // when it last did

	vec     [][]byte      // the slices of the last TryWrite, reused for writev
	unsent  net.Buffers   // the part of vec that is not written; a field, because a local would be allocated per write
	vectors *vectorWriter // nil unless the connection is plain TCP

	stopShutdownHook func() bool // HTTP/1: removes the hook on the context's end
	mu               sync.Mutex
	last             time.Time // if set, no write may take longer than until then
	deadline         time.Time // the connection's write deadline
}

// Open sends a 200 with the headers in w. From then on the response belongs to the Writer. If Open returns a Writer and
// an error, the caller must close the Writer.
//
// A write may take up to timeout. When ctx ends, a write in progress may go on for at most grace. Over HTTP/2 the
// request's context bounds writes as well.
func Open(ctx context.Context, w http.ResponseWriter, r *http.Request, timeout, grace time.Duration) (*Writer, error) {
	h, rc := w.Header(), http.NewResponseController(w)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy must not collect frames
	if r.ProtoMajor == 1 {
		conn, _, err := rc.Hijack()
		if err == nil {
			out := New(ctx, conn, timeout, grace)
			return out, out.writeHead(h)
		}
	}
	if err := rc.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return nil, fmt.Errorf("this connection has no write deadline: %w", err)
	}
	w.WriteHeader(http.StatusOK)
	return &Writer{timeout: timeout, w: w, rc: rc}, rc.Flush()
}

// New returns the Writer of a connection that the hub owns. The parameters are those of Open.
func New(ctx context.Context, conn net.Conn, timeout, grace time.Duration) *Writer {
	limitUnsent(conn, unsentLimit)
	out := &Writer{timeout: timeout, conn: conn, vectors: newVectorWriter(conn)}
	out.stopShutdownHook = context.AfterFunc(ctx, func() { out.startShutdownDeadline(grace) })
	return out
}

// CountBytes adds the bytes of all later writes to sent, whether or not the client receives them.
func (out *Writer) CountBytes(sent *atomic.Int64) { out.sent = sent }

// writeHead writes the status line and the headers of a response that ends with its connection.
func (out *Writer) writeHead(h http.Header) error {
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head) // a buffer takes every write
	head.WriteString("\r\n")
	return out.Write(head.Bytes())
}

// TryWrite sends the slices if that is possible without waiting. If it reports false, Flush must send the rest or
// return the error. Until then the slices must not change.
func (out *Writer) TryWrite(slices ...[]byte) bool {
	out.vec = append(out.vec[:0], slices...)
	out.unsent = out.vec
	if out.sent != nil {
		n := 0
		for _, b := range slices {
			n += len(b)
		}
		out.sent.Add(int64(n))
	}
	if out.vectors == nil || !out.clearDeadline() {
		return false
	}
	out.advance(out.vectors.write(out.unsent))
	return len(out.unsent) == 0
}

// advance removes n bytes that have been written.
func (out *Writer) advance(n int) {
	for len(out.unsent) > 0 && n >= len(out.unsent[0]) {
		n -= len(out.unsent[0])
		out.unsent[0] = nil
		out.unsent = out.unsent[1:]
	}
	if n > 0 {
		out.unsent[0] = out.unsent[0][n:]
	}
}

// Pending reports whether Flush has something to send.
func (out *Writer) Pending() bool { return len(out.unsent) > 0 }

// Flush sends what TryWrite left. It fails if the client does not take it within the timeout.
func (out *Writer) Flush() error {
	if len(out.unsent) == 0 {
		return nil
	}
	defer func() { clear(out.vec) }()
	if out.conn != nil {
		if err := out.setDeadline(); err != nil {
			return err
		}
		_, err := out.unsent.WriteTo(out.conn)
		return err
	}
	if err := out.rc.SetWriteDeadline(time.Now().Add(out.timeout)); err != nil {
		return err
	}
	for _, b := range out.unsent {
		if _, err := out.w.Write(b); err != nil {
			return err
		}
	}
	out.unsent = nil
	return out.rc.Flush()
}

// Write sends the slices as one. It neither changes nor keeps them.
func (out *Writer) Write(slices ...[]byte) error {
	if out.TryWrite(slices...) {
		return nil
	}
	return out.Flush()
}

// setDeadline gives the next write its time. It leaves the last write's deadline if three quarters of the time remain:
// setting a deadline is one of the most expensive parts of a small write. Reading has no deadline, because a client
// need not send anything.
func (out *Writer) setDeadline() error {
	out.mu.Lock()
	defer out.mu.Unlock()
	now := time.Now()
	if !out.last.IsZero() {
		return nil // startShutdownDeadline has set it
	}
	if out.deadline.Sub(now) > out.timeout*3/4 {
		return nil
	}
	out.deadline = now.Add(out.timeout)
	return out.conn.SetWriteDeadline(out.deadline)
}

// clearDeadline removes a deadline that is near. It was for a write that had to wait, and a vectored write does not.
// It reports false if the hub is stopping.
func (out *Writer) clearDeadline() bool {
	out.mu.Lock()
	defer out.mu.Unlock()
	switch {
	case !out.last.IsZero():
		return false
	case out.deadline.IsZero(), time.Until(out.deadline) > out.timeout/4:
		return true
	}
	out.deadline = time.Time{}
	return out.conn.SetWriteDeadline(out.deadline) == nil
}

// startShutdownDeadline lets the write in progress end soon: a stopping hub must not wait for a stalled client.
func (out *Writer) startShutdownDeadline(grace time.Duration) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.last = time.Now().Add(grace)
	if out.deadline.IsZero() || out.last.Before(out.deadline) {
		_ = out.conn.SetWriteDeadline(out.last) // fails only if the connection is closed already
	}
}

// NoteSkip records that the client has missed frames. A client that does so repeatedly gets a small buffer. A short
// pause of the hub, which all clients notice, costs none of them anything.
func (out *Writer) NoteSkip() {
	now := time.Now()
	if out.skips++; now.Sub(out.skipped) > skipWindow {
		out.skips = 1
	}
	out.skipped = now
	if out.small || out.skips < SkipLimit {
		return
	}
	out.small = true
	if tcp, ok := out.conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(SlowBuffer) // without it the client is shown older frames, no worse
	}
}

// PeerClosed reports whether the client has closed its end. It is known over HTTP/1 only. Over HTTP/2 the request's
// context ends.
func (out *Writer) PeerClosed() bool { return out.conn != nil && peerClosed(out.conn) }

// Hijacked reports whether the response goes on when the request's handler returns.
func (out *Writer) Hijacked() bool { return out.conn != nil }

// Close ends the response.
func (out *Writer) Close() {
	if out.conn != nil {
		out.stopShutdownHook()
		_ = out.conn.Close() // there is nothing more to send
	}
}

// NetConn returns the connection below TLS and other wrappers.
func NetConn(conn net.Conn) net.Conn {
	for {
		wrapped, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return conn
		}
		conn = wrapped.NetConn()
	}
}
