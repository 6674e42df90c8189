package ingest

import (
	"sync"

	"github.com/nats-io/nats.go"
)

// heavyFrame is from how many bytes a frame is heavy: four times a large one of a camera with 4 megapixels.
const heavyFrame = 1 << 20

// heavyLine is a second connection to NATS, for cameras that send heavy frames or too many. NATS delivers what comes for a connection in one line: on the first
// connection the other cameras' frames would wait for theirs to pass. It is made when it is needed first.
type heavyLine struct {
	dial func(more ...nats.Option) (*nats.Conn, error)

	mu     sync.Mutex
	nc     *nats.Conn    // guarded by mu; nil until it is needed
	ended  bool          // guarded by mu
	closed chan struct{} // of nc
}

// conn returns the connection. The first call makes it, connected or not, which may take a second.
func (h *heavyLine) conn() (*nats.Conn, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return nil, nats.ErrConnectionClosed
	}
	if h.nc == nil {
		closed := make(chan struct{})
		nc, err := h.dial(nats.Name("bramble-hub heavy"), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
		if err != nil {
			return nil, err
		}
		h.nc, h.closed = nc, closed
	}
	return h.nc, nil
}

// close ends the connection and returns when it has ended.
func (h *heavyLine) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	if h.nc != nil {
		h.nc.Close()
		<-h.closed
	}
}
