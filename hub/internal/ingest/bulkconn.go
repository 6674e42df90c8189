package ingest

import (
	"sync"

	"github.com/nats-io/nats.go"
)

// bulkFrameSize is the size in bytes from which on a camera's frames use the bulk connection. It is four times a large
// frame of a camera with 4 megapixels.
const bulkFrameSize = 1 << 20

// bulkConn is a second connection to NATS, for cameras that send large frames or too many. NATS delivers the messages
// of a connection in order, so on the first connection the frames of other cameras would wait. It connects on first
// use.
type bulkConn struct {
	dial func(more ...nats.Option) (*nats.Conn, error)

	mu     sync.Mutex
	nc     *nats.Conn    // guarded by mu; nil until it is needed
	ended  bool          // guarded by mu
	closed chan struct{} // of nc
}

// conn returns the connection. The first call makes it, connected or not, which may take a second.
func (b *bulkConn) conn() (*nats.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended {
		return nil, nats.ErrConnectionClosed
	}
	if b.nc == nil {
		closed := make(chan struct{})
		nc, err := b.dial(nats.Name("bramble-hub bulk"), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
		if err != nil {
			return nil, err
		}
		b.nc, b.closed = nc, closed
	}
	return b.nc, nil
}

// close ends the connection and returns when it has ended.
func (b *bulkConn) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	if b.nc != nil {
		b.nc.Close()
		<-b.closed
	}
}
