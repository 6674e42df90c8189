package connwriter_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/connwriter"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// pair returns both ends of a TCP connection.
func pair(t *testing.T) (server, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return server, client
}

// All slices arrive in their order, whether or not a write had to wait, and are counted once.
func TestWrite(t *testing.T) {
	server, client := pair(t)
	out := connwriter.New(t.Context(), server, 10*time.Second, time.Second)
	var sent atomic.Int64
	out.CountBytes(&sent)
	header, payload := []byte("header"), bytes.Repeat([]byte("0123456789"), 1<<20)
	want := append(append([]byte{}, header...), payload...)
	if out.TryWrite(header, nil, payload) || !out.Pending() {
		t.Error("the kernel took ten megabytes at once: the test shows nothing")
	}
	got := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(client)
		got <- b
	}()
	if err := out.Flush(); err != nil || out.Pending() {
		t.Error(err)
	}
	out.Close()
	if b := <-got; !bytes.Equal(b, want) {
		t.Errorf("%d bytes arrived, want %d", len(b), len(want))
	}
	if sent.Load() != int64(len(want)) {
		t.Errorf("%d bytes are counted, want %d", sent.Load(), len(want))
	}
}

// A client that does not read is given up after the timeout, or earlier if the hub stops.
func TestStalled(t *testing.T) {
	big := make([]byte, 64<<20)
	for name, test := range map[string]struct{ timeout, grace, stopAfter time.Duration }{
		"timeout": {100 * time.Millisecond, time.Hour, time.Hour},
		"stop":    {time.Hour, 10 * time.Millisecond, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			server, _ := pair(t)
			ctx, cancel := context.WithTimeout(t.Context(), test.stopAfter)
			defer cancel()
			out := connwriter.New(ctx, server, test.timeout, test.grace)
			defer out.Close()
			if err := out.Write(big); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%v, want a deadline", err)
			}
		})
	}
}

// The end of a client's connection is noticed without a write, also behind what it has sent.
func TestPeerClosed(t *testing.T) {
	server, client := pair(t)
	out := connwriter.New(t.Context(), server, time.Second, time.Second)
	defer out.Close()
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if out.PeerClosed() {
		t.Error("closed, though the client is there")
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the end is noticed", out.PeerClosed)
}

// Over HTTP/1 the Writer owns the connection, over HTTP/2 it writes to the stream. The client sees the same.
func TestOpen(t *testing.T) {
	for _, version := range []int{1, 2} {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "video/x-test")
			out, err := connwriter.Open(r.Context(), w, r, time.Second, time.Second)
			if err != nil {
				t.Error(err)
				return
			}
			defer out.Close()
			if out.Hijacked() != (version == 1) {
				t.Errorf("HTTP/%d: hijacked %v", version, out.Hijacked())
			}
			if err := out.Write([]byte("one "), []byte("two")); err != nil {
				t.Error(err)
			}
		}))
		srv.EnableHTTP2 = version == 2
		srv.StartTLS()
		resp, err := srv.Client().Get(srv.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != "one two" || resp.ProtoMajor != version {
			t.Errorf("HTTP/%d: %q, %v", resp.ProtoMajor, body, err)
		}
		if h := resp.Header; h.Get("Content-Type") != "video/x-test" || h.Get("Cache-Control") != "no-store" ||
			h.Get("X-Accel-Buffering") != "no" {
			t.Errorf("headers %v", h)
		}
		_ = resp.Body.Close()
		srv.Close()
	}
}
