package ws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/bramble-cam/bramble/hub/internal/connwriter"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/internal/logkey"
)

// keptMessage is the largest buffer in bytes that is kept for the next message.
const keptMessage = 1 << 20

// conn is one WebSocket. A goroutine reads, one pings, one for each slot and one for the roster write.
type conn struct {
	h   *Handler
	g   *viewers.Viewer
	ws  *websocket.Conn
	net net.Conn           // below ws
	out *connwriter.Writer // writes to net

	ctx    context.Context // ends with the connection, or when the hub stops
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	// Of the goroutine that reads.
	used   slotSet
	errors int
	lists  chan struct{} // a token: send them all; nil while the client has not asked

	mu    sync.Mutex
	slots map[uint32]*slot

	writing sync.Mutex // held for a message, and while it is decided which frame that is
}

func newConn(h *Handler, g *viewers.Viewer, ws *websocket.Conn, up *upgrade) *conn {
	c := &conn{h: h, g: g, ws: ws, net: up.conn, out: up.out, slots: make(map[uint32]*slot)}
	ws.SetReadLimit(maxMessage + 1) // read finds out
	c.ctx, c.cancel = context.WithCancel(g.Context())
	return c
}

// run serves the connection and returns when all that it started has ended. Reads and writes have no context: its end
// would cut the connection, and a client should be told why. Deadlines end them.
func (c *conn) run() {
	closed := make(chan struct{})
	stop := context.AfterFunc(c.g.Context(), func() {
		defer close(closed)
		status, reason := websocket.StatusGoingAway, "the hub is stopping"
		if errors.Is(context.Cause(c.g.Context()), viewers.ErrRevoked) {
			status, reason = websocket.StatusPolicyViolation, viewers.ErrRevoked.Error()
		}
		_ = c.net.SetReadDeadline(time.Now().Add(c.h.cfg.Timing.Stop)) // fails only if it is closed already
		c.close(status, reason)
	})
	defer func() {
		c.cancel()
		if !stop() {
			<-closed
		}
		_ = c.ws.CloseNow() // what there was to say to the client has been said
		c.tasks.Wait()
	}()
	c.send(reply{Op: "hello", Version: c.h.cfg.Version, Now: time.Now().UnixMicro()})
	c.tasks.Go(c.ping)
	c.read()
}

// close says why the connection ends.
func (c *conn) close(status websocket.StatusCode, reason string) {
	if err := c.ws.Close(status, reason); err != nil {
		c.h.cfg.Log.Debug("WebSocket closed in disorder", logkey.Err, err)
	}
}

// lost ends the connection after an error, which is the client's or the network's.
func (c *conn) lost(err error) {
	if c.ctx.Err() == nil {
		c.h.cfg.Viewers.RecordTimeout(err)
		c.h.cfg.Log.Debug("WebSocket lost", logkey.Err, err)
	}
	c.cancel()
	_ = c.net.Close() // the reader finds out
}

// read takes in the client's messages until the connection ends.
func (c *conn) read() {
	buf := make([]byte, maxMessage+1)
	for {
		kind, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return
		}
		n, err := io.ReadFull(r, buf)
		switch {
		case err == nil:
			c.h.cfg.Refused()
			c.close(websocket.StatusMessageTooBig, fmt.Sprintf("a message may have %d bytes", maxMessage))
			return
		case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
			return
		}
		if err := c.handle(kind, buf[:n]); err != nil && !c.complain(err) {
			return
		}
	}
}

// complain tells the client that its message could not be understood. It reports false when that was once too often.
func (c *conn) complain(err error) bool {
	c.h.cfg.Refused()
	c.send(reply{Op: "error", Error: badMessage(err)})
	if c.errors++; c.errors < maxErrors {
		return true
	}
	c.close(websocket.StatusPolicyViolation, "too many messages that cannot be understood")
	return false
}

// ping finds out whether the client is there, until the connection ends.
func (c *conn) ping() {
	tick := time.NewTicker(c.h.cfg.Timing.Ping)
	defer tick.Stop()
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-tick.C:
		}
		ctx, cancel := context.WithTimeout(context.Background(), c.h.cfg.WriteTimeout())
		err := c.ws.Ping(ctx)
		cancel()
		if err == nil {
			continue
		}
		if !c.writing.TryLock() {
			continue // a message is stuck before the ping, and has its own deadline
		}
		c.writing.Unlock()
		c.lost(fmt.Errorf("ping: %w", err))
		return
	}
}

// send sends a JSON message.
func (c *conn) send(message any) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.sendLocked(message)
}

func (c *conn) sendLocked(message any) {
	data, err := json.Marshal(message)
	if err != nil { // none of our types can
		c.h.cfg.Log.Error("message not sent", logkey.Err, err)
		return
	}
	c.writeLocked(websocket.MessageText, data)
}

// sendFrameLocked sends a frame. The message is put together in a buffer that all connections share: it is one write of
// the library.
func (c *conn) sendFrameLocked(h header, payload ...[]byte) {
	buf, _ := c.h.messages.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	message := h.append((*buf)[:0])
	for _, p := range payload {
		message = append(message, p...)
	}
	c.writeLocked(websocket.MessageBinary, message)
	if cap(message) <= keptMessage {
		*buf = message
		c.h.messages.Put(buf)
	}
}

func (c *conn) writeLocked(kind websocket.MessageType, data []byte) {
	if c.ctx.Err() != nil {
		return
	}
	if err := c.ws.Write(context.Background(), kind, data); err != nil {
		c.lost(err)
	}
}

// watch starts a slot.
func (c *conn) watch(r *request) error {
	if r.Slot == 0 {
		return errors.New("slot 0: slots are numbered from 1 on")
	}
	if err := c.used.add(r.Slot); err != nil {
		return fmt.Errorf("slot %d %w", r.Slot, err)
	}
	o, err := r.slot(c)
	if err == nil && !c.enter(o) {
		err = problem.Newf(http.StatusTooManyRequests,
			"a connection has at most %d slots: end some of them, or open another connection", maxSlots)
	}
	if err != nil {
		c.send(reply{Op: "ended", Slot: r.Slot, Error: c.problem(err)})
		return nil
	}
	ctx, stop := context.WithCancel(c.ctx)
	o.stop = stop
	c.tasks.Go(func() {
		defer stop()
		o.run(ctx)
	})
	return nil
}

// enter makes a slot known, unless there are too many.
func (c *conn) enter(o *slot) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.slots) >= maxSlots {
		return false
	}
	c.slots[o.number] = o
	return true
}

// leave forgets a slot.
func (c *conn) leave(o *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.slots, o.number)
}

// find returns a slot, or nil if it has ended, which the client may not know yet.
func (c *conn) find(number uint32) (*slot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o := c.slots[number]; o != nil {
		return o, nil
	}
	if !c.used.has(number) {
		return nil, fmt.Errorf("slot %d has not been watched on this connection", number)
	}
	return nil, nil
}

func (c *conn) unwatch(number uint32) error {
	o, err := c.find(number)
	if o != nil {
		o.stop()
	}
	return err
}

func (c *conn) acknowledge(ack ack) error {
	o, err := c.find(ack.slot)
	if o == nil {
		return err
	}
	return o.acknowledge(ack.count)
}
