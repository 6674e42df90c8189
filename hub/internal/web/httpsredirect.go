package web

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// maxRedirectRequest bounds how many bytes of a request without TLS are read.
const maxRedirectRequest = 4 << 10

// recordHandshake is the first byte of every TLS connection (RFC 8446, section 5.1).
const recordHandshake = 0x16

// redirectListener answers clients that speak plain HTTP at a TLS port. Browsers do if the address was typed without
// https://.
type redirectListener struct{ net.Listener }

// Accept implements net.Listener. It reads nothing: the connection's own goroutine does, when the handshake begins.
func (l redirectListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &redirectConn{Conn: conn}, nil
}

// redirectConn is a connection that should begin with TLS.
type redirectConn struct {
	net.Conn
	begun bool // the first bytes were read; owned by the reading goroutine
	ended bool // they were not TLS; owned by that goroutine, too
}

// NetConn returns the underlying connection, as tls.Conn's does.
func (c *redirectConn) NetConn() net.Conn { return c.Conn }

// Read implements net.Conn. It ends a connection that does not begin with TLS.
func (c *redirectConn) Read(p []byte) (int, error) {
	if c.ended {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p)
	if !c.begun && n > 0 {
		c.begun = true
		if p[0] != recordHandshake {
			c.ended = true
			c.redirect(bytes.Clone(p[:n]))
			return 0, io.EOF
		}
	}
	return n, err
}

// redirect answers a request with the same URL by https, if a browser may repeat the request there. The server's
// handshake timeout applies.
func (c *redirectConn) redirect(first []byte) {
	rest := io.MultiReader(bytes.NewReader(first), c.Conn)
	r, err := http.ReadRequest(bufio.NewReader(io.LimitReader(rest, maxRedirectRequest)))
	if err != nil {
		return
	}
	resp := &http.Response{
		StatusCode: http.StatusBadRequest, ProtoMajor: 1, ProtoMinor: 1, Close: true,
		Header: http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Cache-Control": {"no-store"}},
	}
	text := "This hub uses TLS: start the address with https://\n"
	repeatable := r.Method == http.MethodGet || r.Method == http.MethodHead
	if where := "https://" + r.Host + r.URL.RequestURI(); repeatable && validHost(r.Host) && r.URL.Host == "" {
		resp.StatusCode = http.StatusTemporaryRedirect // not permanent: TLS may be turned off again
		resp.Header.Set("Location", where)
		text = fmt.Sprintf("This hub uses TLS: %s\n", where)
	}
	if r.Method != http.MethodHead {
		resp.ContentLength, resp.Body = int64(len(text)), io.NopCloser(bytes.NewReader([]byte(text)))
	}
	_ = resp.Write(c.Conn) // a client that has left needs no answer
}

// validHost reports whether a Host header is a host with or without a port, and contains no other part of a URL.
func validHost(host string) bool {
	if host == "" {
		return false
	}
	for _, c := range []byte(host) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(".-_:[]", c) >= 0:
		default:
			return false
		}
	}
	return true
}
