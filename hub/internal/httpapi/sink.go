package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"time"
)

// slowBuffer is the socket buffer in bytes of a viewer that cannot follow: what waits in it is what the viewer sees late. Others keep the kernel's
// default, which costs less CPU.
const slowBuffer = 64 << 10

// sink is where one viewer's endless response goes. Over HTTP/1 it owns the connection and writes shared slices with one writev, without chunks and
// without copies; the response ends with the connection. Over HTTP/2 it writes to the stream.
type sink struct {
	timeout time.Duration
	conn    net.Conn // HTTP/1
	w       http.ResponseWriter
	rc      *http.ResponseController
	vec     [][]byte // reused for writev
	small   bool
}

// openSink sends a 200 with the headers that w holds. From then on the response belongs to the sink.
func openSink(w http.ResponseWriter, r *http.Request, timeout time.Duration) (*sink, error) {
	s := &sink{timeout: timeout, w: w, rc: http.NewResponseController(w)}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy must not collect frames
	if r.ProtoMajor == 1 {
		conn, _, err := s.rc.Hijack()
		if err == nil {
			s.conn = conn
			return s, s.writeHead(h)
		}
	}
	if err := s.rc.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return nil, fmt.Errorf("this connection has no write deadline: %w", err)
	}
	w.WriteHeader(http.StatusOK)
	return s, s.rc.Flush()
}

// writeHead writes the status line and the headers of a response that ends with its connection.
func (s *sink) writeHead(h http.Header) error {
	if err := s.conn.SetDeadline(time.Now().Add(s.timeout)); err != nil {
		return s.fail(err)
	}
	h.Set("Connection", "close")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if _, err := s.conn.Write([]byte("HTTP/1.1 200 OK\r\n")); err != nil {
		return s.fail(err)
	}
	if err := h.Write(s.conn); err != nil {
		return s.fail(err)
	}
	if _, err := s.conn.Write([]byte("\r\n")); err != nil {
		return s.fail(err)
	}
	return nil
}

func (s *sink) fail(err error) error {
	_ = s.conn.Close() // the write error says it already
	return err
}

// write sends the slices as one, or fails: a viewer that does not take them in the time given is lost. The slices are not changed and not kept.
func (s *sink) write(slices ...[]byte) error {
	deadline := time.Now().Add(s.timeout)
	if s.conn != nil {
		if err := s.conn.SetWriteDeadline(deadline); err != nil {
			return err
		}
		s.vec = append(s.vec[:0], slices...)
		vec := net.Buffers(s.vec)
		_, err := vec.WriteTo(s.conn)
		clear(s.vec)
		return err
	}
	if err := s.rc.SetWriteDeadline(deadline); err != nil {
		return err
	}
	for _, b := range slices {
		if _, err := s.w.Write(b); err != nil {
			return err
		}
	}
	return s.rc.Flush()
}

// lagging tells the sink that its viewer has missed frames.
func (s *sink) lagging() {
	if s.small {
		return
	}
	s.small = true
	if tcp, ok := s.conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(slowBuffer) // without it the viewer is shown older pictures, no worse
	}
}

// gone reports whether the viewer has closed its end. Only an HTTP/1 sink can tell; for others the request's context ends.
func (s *sink) gone() bool { return s.conn != nil && peerClosed(s.conn) }

// close ends the response.
func (s *sink) close() {
	if s.conn != nil {
		_ = s.conn.Close() // nothing is left to be said to this viewer
	}
}
