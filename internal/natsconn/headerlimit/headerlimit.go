// Package headerlimit keeps messages with large headers from costing more than their bytes do.
//
// nats.go makes a map of a message's header before anybody can look at it. A header of 8 MiB, which is the most that a message may have, takes it more than a second
// and 200 MB. Whoever may publish anything at all could stop a hub with that, or have a Raspberry Pi run out of memory.
package headerlimit

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"strconv"

	"github.com/nats-io/nats.go"
)

// Max is the largest header in bytes that is left as it is, ten times what a frame needs.
const Max = 4096

// maxInfo bounds what is kept of the server's first line: it names the servers of the cluster.
const maxInfo = 1 << 20

// lineRoom holds the longest control line of a message: nats-server's max_control_line is 4 KiB by default.
const lineRoom = 16 << 10

// Limit returns conn, which a NATS server answers, with the header of each message that is larger than Max made part of its payload: nothing is lost, and what limits
// payloads limits it, too. What does not look like NATS's client protocol is passed on as it is.
func Limit(conn net.Conn) net.Conn { return limit(conn) }

func limit(conn net.Conn) *limited {
	return &limited{Conn: conn, r: bufio.NewReaderSize(conn, lineRoom)}
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

// limited reads control lines, and passes on what they announce.
type limited struct {
	net.Conn
	r     *bufio.Reader
	line  []byte // what is still to be passed on of a control line
	left  int    // and of the message after it, with its CR LF
	skip  int    // and what is to be thrown away before that
	most  int    // bytes of a message; what is larger arrives empty. 0: all
	raw   bool   // all that comes is passed on as it is
	long  bool   // a line goes on that did not fit into r
	made  []byte // holds a line that was changed
	alone bool   // each line is passed on by itself
	info  []byte // the server's first line, until the client has spoken
	said  bool   // there was one
}

// Read implements net.Conn. It waits only as long as there is nothing to be passed on.
func (c *limited) Read(p []byte) (n int, err error) {
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
		case n > 0 && (c.alone || !c.ready()):
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
			if err := c.next(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// ready reports whether more can be passed on without waiting.
func (c *limited) ready() bool {
	have := c.r.Buffered()
	if have == 0 || c.raw || c.left > 0 {
		return have > 0
	}
	ahead, _ := c.r.Peek(have) // they are there
	return bytes.IndexByte(ahead, '\n') >= 0
}

// next reads a control line.
func (c *limited) next() error {
	line, err := c.r.ReadSlice('\n')
	if len(line) == 0 {
		return err
	}
	c.line = line // valid until r is read again, when it has been passed on
	if !c.said {
		c.info = append(c.info, line...)
		c.said = err == nil || len(c.info) > maxInfo
	}
	began := !c.long
	c.long = errors.Is(err, bufio.ErrBufferFull)
	if began && (err == nil || c.long) {
		c.judge(line)
	}
	return nil // an error comes again, unless more can be read
}

// judge looks at a line, and at what it says of what follows.
func (c *limited) judge(line []byte) {
	switch {
	case bytes.HasPrefix(line, []byte("HMSG ")):
		c.message(line, true)
	case bytes.HasPrefix(line, []byte("MSG ")):
		c.message(line, false)
	default:
		c.raw = !bytes.HasPrefix(line, []byte("PING")) && !bytes.HasPrefix(line, []byte("PONG")) && !bytes.HasPrefix(line, []byte("INFO ")) &&
			!bytes.HasPrefix(line, []byte("+OK")) && !bytes.HasPrefix(line, []byte("-ERR"))
	}
}

// message reads HMSG <subject> <sid> [reply] <size of header> <size> CR LF, or the same without the header's. A line that says something else ends the looking:
// nats.go judges it.
func (c *limited) message(line []byte, header bool) {
	rest, size, ok := lastNumber(bytes.TrimRight(line, "\r\n"))
	if !ok || c.long {
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
	case c.most > 0 && size > c.most:
		c.skip, c.left = size, len("\r\n")
		c.made = append(append(c.made[:0], bytes.TrimPrefix(before, []byte("H"))...), " 0\r\n"...)
		c.line = c.made
	case headerSize > Max:
		c.made = append(append(c.made[:0], before[len("H"):]...), ' ')
		c.made = append(strconv.AppendInt(c.made, int64(size), 10), "\r\n"...)
		c.line = c.made
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
