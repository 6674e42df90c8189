// Package headerlimit keeps messages with large headers from costing more than their bytes do.
//
// nats.go parses a message's header into a map before its handler is called. A header of 8 MiB, the largest possible,
// takes more than a second and 200 MB. Any client that may publish could stop a hub with that, or exhaust the memory
// of a Raspberry Pi.
package headerlimit

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"strconv"

	"github.com/nats-io/nats.go"
)

// Max is the largest header in bytes that is not changed: ten times what a frame needs.
const Max = 4096

// maxInfo bounds what is kept of the server's first line: it names the servers of the cluster.
const maxInfo = 1 << 20

// lineRoom holds the longest control line of a message: nats-server's max_control_line is 4 KiB by default.
const lineRoom = 16 << 10

// Limit wraps a client's connection to a NATS server. Headers larger than Max become part of the payload: nothing is
// lost, and limits of payloads apply to them. Bytes that do not look like NATS's client protocol are passed on as
// they are.
func Limit(conn net.Conn) net.Conn { return newLimitedConn(conn) }

func newLimitedConn(conn net.Conn) *limitedConn {
	return &limitedConn{Conn: conn, r: bufio.NewReaderSize(conn, lineRoom)}
}

// InProcess is a nats.InProcessConnProvider whose connections are limited.
type InProcess struct{ Of nats.InProcessConnProvider }

// InProcessConn implements nats.InProcessConnProvider.
func (p InProcess) InProcessConn() (net.Conn, error) {
	conn, err := p.Of.InProcessConn()
	if err != nil {
		return nil, err
	}
	return Limit(conn), nil
}

// limitedConn reads control lines, and passes on the payloads that they announce.
type limitedConn struct {
	net.Conn
	r         *bufio.Reader
	line      []byte // what is still to be passed on of a control line
	left      int    // and of the message after it, with its CR LF
	skip      int    // and what is to be thrown away before that
	maxSize   int    // bytes of a message; what is larger arrives empty. 0: all
	raw       bool   // all that comes is passed on as it is
	partial   bool   // a line goes on that did not fit into r
	rewritten []byte // holds a line that was changed
	oneLine   bool   // each line is passed on by itself
	info      []byte // the server's first line, until the client has spoken
	infoRead  bool   // there was one
}

// Read implements net.Conn. It waits only as long as there is nothing to be passed on.
func (c *limitedConn) Read(p []byte) (n int, err error) {
	for n < len(p) {
		switch {
		case len(c.line) > 0:
			k := copy(p[n:], c.line)
			c.line, n = c.line[k:], n+k
		case c.skip > 0 && (n == 0 || c.r.Buffered() > 0):
			k, err := c.r.Discard(min(c.skip, max(c.r.Buffered(), 1)))
			if c.skip -= k; err != nil {
				return n, err
			}
		case n > 0 && (c.oneLine || !c.ready()):
			return n, nil
		case c.raw || c.left > 0:
			to := p[n:]
			if !c.raw && len(to) > c.left {
				to = to[:c.left]
			}
			k, err := c.r.Read(to)
			n += k
			if !c.raw {
				c.left -= k
			}
			if err != nil {
				return n, err
			}
		default:
			if err := c.readLine(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// ready reports whether more can be passed on without waiting.
func (c *limitedConn) ready() bool {
	have := c.r.Buffered()
	if have == 0 || c.raw || c.left > 0 {
		return have > 0
	}
	ahead, _ := c.r.Peek(have) // they are there
	return bytes.IndexByte(ahead, '\n') >= 0
}

// readLine reads a control line.
func (c *limitedConn) readLine() error {
	line, err := c.r.ReadSlice('\n')
	if len(line) == 0 {
		return err
	}
	c.line = line // valid until r is read again, when it has been passed on
	if !c.infoRead {
		c.info = append(c.info, line...)
		c.infoRead = err == nil || len(c.info) > maxInfo
	}
	began := !c.partial
	c.partial = errors.Is(err, bufio.ErrBufferFull)
	if began && (err == nil || c.partial) {
		c.inspect(line)
	}
	return nil // an error comes again, unless more can be read
}

// inspect parses a line, and notes what must follow it.
func (c *limitedConn) inspect(line []byte) {
	switch {
	case bytes.HasPrefix(line, []byte("HMSG ")):
		c.message(line, true)
	case bytes.HasPrefix(line, []byte("MSG ")):
		c.message(line, false)
	default:
		c.raw = !bytes.HasPrefix(line, []byte("PING")) && !bytes.HasPrefix(line, []byte("PONG")) &&
			!bytes.HasPrefix(line, []byte("INFO ")) &&
			!bytes.HasPrefix(line, []byte("+OK")) && !bytes.HasPrefix(line, []byte("-ERR"))
	}
}

// message reads HMSG <subject> <sid> [reply] <size of header> <size> CR LF, or the same without the header's. A line
// that says something else ends the looking: nats.go judges it.
func (c *limitedConn) message(line []byte, header bool) {
	rest, size, ok := lastNumber(bytes.TrimRight(line, "\r\n"))
	if !ok || c.partial {
		c.raw = true
		return
	}
	c.left = size + len("\r\n")
	before, headerSize := rest, 0
	if header {
		before, headerSize, ok = lastNumber(rest)
	}
	switch {
	case !ok || headerSize > size:
		c.raw = true
	case c.maxSize > 0 && size > c.maxSize:
		c.skip, c.left = size, len("\r\n")
		c.rewritten = append(append(c.rewritten[:0], bytes.TrimPrefix(before, []byte("H"))...), " 0\r\n"...)
		c.line = c.rewritten
	case headerSize > Max:
		c.rewritten = append(append(c.rewritten[:0], before[len("H"):]...), ' ')
		c.rewritten = append(strconv.AppendInt(c.rewritten, int64(size), 10), "\r\n"...)
		c.line = c.rewritten
	}
}

// lastNumber cuts the number off the end of a line.
func lastNumber(line []byte) (before []byte, n int, ok bool) {
	at := bytes.LastIndexByte(line, ' ')
	if at < 0 || len(line)-at > 10 { // more digits than any size has
		return nil, 0, false
	}
	for _, digit := range line[at+1:] {
		if digit < '0' || digit > '9' {
			return nil, 0, false
		}
		n = 10*n + int(digit-'0')
	}
	return line[:at], n, at+1 < len(line)
}
