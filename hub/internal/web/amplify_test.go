package web

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestRanges: a client that asks for 5,200 identical ranges of a public file gets the whole file, once.
func TestRanges(t *testing.T) {
	r := newFixture(t, stream.Config{})
	ranges := strings.TrimSuffix(strings.Repeat("-1,", 5200), ",")
	for _, path := range []string{"/bramble-camera.js", "/assets/app.js", "/api/v1/openapi.yaml", "/"} {
		_, whole := r.do(http.MethodGet, path)
		for _, header := range [][]string{{"Range", "bytes=" + ranges}, {"Range", "bytes=0-9"},
			{"Range", "bytes=0-9", "If-Range", `"x"`}} {
			c := r.send("GET " + path + " HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n" +
				header[0] + ": " + header[1] + "\r\n\r\n")
			got, err := io.ReadAll(c.r)
			if err != nil {
				t.Fatal(err)
			}
			if head, body, _ := bytes.Cut(got, []byte("\r\n\r\n")); !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) ||
				!bytes.Equal(body, whole) ||
				len(head) > 2000 {
				t.Errorf("%s, %.20s: %.40q, %d bytes, want the file's %d", path, header[1], head, len(got), len(whole))
			}
		}
	}
}

// TestTrailers: an attacker announces 3,300 trailers in each of 240 requests, on each of four connections, and sends
// none of them. The hub stores little for this. The requests go to the login page, which needs no credentials.
func TestTrailers(t *testing.T) {
	const connections, streams, trailers, most = 4, 240, 3300, 16 << 20
	r := newFixture(t, stream.Config{}, secure(t), func(s *Server) { s.times.header, s.times.request = hour, hour })
	before := heap()
	for range connections {
		r.announce(streams, trailers)
	}
	grown := heap() - before
	t.Logf("the heap has grown by %d kB", grown>>10)
	if grown > most {
		t.Errorf("the heap has grown by %d MB, for %d connections", grown>>20, connections)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// announce begins requests with many trailers on one connection, and returns when the hub has seen them all. The
// connection stays open.
func (r *fixture) announce(streams, trailers int) {
	r.t.Helper()
	conn, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() }) // the hub may have closed it
	if err := conn.SetDeadline(time.Now().Add(testutil.Timeout)); err != nil {
		r.t.Fatal(err)
	}
	_, err = io.WriteString(conn, http2.ClientPreface)
	f := http2.NewFramer(conn, conn)
	if err == nil {
		err = f.WriteSettings()
	}
	ended := make(chan error, 1)
	go func() { // received below; ends with the connection
		for {
			frame, err := f.ReadFrame()
			if ping, ok := frame.(*http2.PingFrame); err != nil || ok && ping.IsAck() {
				ended <- err
				return
			}
		}
	}()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i := range streams {
		if err != nil {
			break // the hub has closed the connection, which is fine
		}
		block.Reset()
		for _, field := range [][2]string{
			{":method", "POST"}, {":scheme", "https"}, {":authority", r.addr}, {":path", "/login"},
			{"content-type", "application/x-www-form-urlencoded"}, {"trailer", names(trailers)},
		} {
			if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
				r.t.Fatal(err)
			}
		}
		err = writeBlock(f, uint32(2*i+1), block.Bytes())
	}
	if err == nil {
		err = f.WritePing(false, [8]byte{1})
	}
	r.t.Logf("the connection: %v, %v", err, testutil.Receive(r.t, "an answer to a ping, or the end", ended))
}

// names returns a Trailer header with the given number of short names.
func names(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%x", i))
	}
	return strings.Join(list, ",")
}

// writeBlock writes a request's header, in as many frames as it needs.
func writeBlock(f *http2.Framer, stream uint32, block []byte) error {
	const most = 16 << 10
	first := block[:min(most, len(block))]
	err := f.WriteHeaders(
		http2.HeadersFrameParam{StreamID: stream, BlockFragment: first, EndHeaders: len(first) == len(block)},
	)
	for rest := block[len(first):]; err == nil && len(rest) > 0; {
		part := rest[:min(most, len(rest))]
		rest = rest[len(part):]
		err = f.WriteContinuation(stream, len(rest) == 0, part)
	}
	return err
}
