package web

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestPlainAtTLS: a client without TLS gets a hint to use https, and a browser a redirect. Of the request, only the
// URL becomes part of the answer.
func TestPlainAtTLS(t *testing.T) {
	r := newFixture(t, stream.Config{}, secure(t))
	for name, test := range map[string]struct {
		sends string
		code  int    // 0: the connection ends without an answer
		where string // of the redirect
	}{
		"a page": {"GET /?kiosk HTTP/1.1\r\nHost: hub.example.org:8080\r\n\r\n", 307,
			"https://hub.example.org:8080/?kiosk"},
		"an address": {"GET /cam/porch.jpeg HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n", 307,
			"https://[2001:db8::1]:80/cam/porch.jpeg"}, "its head": {"HEAD / HTTP/1.0\r\nHost: hub\r\n\r\n", 307,
			"https://hub/"},
		"a password":       {"POST /login HTTP/1.1\r\nHost: hub\r\nContent-Length: 5\r\n\r\nname=", 400, ""},
		"no host":          {"GET / HTTP/1.0\r\n\r\n", 400, ""},
		"another host":     {"GET / HTTP/1.1\r\nHost: hub@example.com\r\n\r\n", 400, ""},
		"a path in a host": {"GET / HTTP/1.1\r\nHost: example.com/x?\r\n\r\n", 400, ""},
		"a proxy's URL":    {"GET http://example.com/ HTTP/1.1\r\nHost: hub\r\n\r\n", 400, ""},
		"two slashes":      {"GET //example.com/ HTTP/1.1\r\nHost: hub\r\n\r\n", 307, "https://hub//example.com/"},
		"HTTP/2":           {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, ""},
		"no HTTP":          {"SSH-2.0-x\r\n\r\n", 0, ""},
		"a long header": {"GET / HTTP/1.1\r\nHost: hub\r\nX: " + strings.Repeat("x", 2*maxRedirectRequest) + "\r\n\r\n", 0,
			""},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }() // the server has closed it
			if _, err := io.WriteString(conn, test.sends); err != nil {
				t.Fatal(err)
			}
			method, _, _ := strings.Cut(test.sends, " ")
			resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
			if test.code == 0 {
				if err == nil {
					t.Errorf("answered %s", resp.Status)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if resp.StatusCode != test.code || resp.Header.Get("Location") != test.where || err != nil ||
				method != "HEAD" && !strings.Contains(string(body), "https://") {
				t.Errorf("answered %s, %v, %s, %v", resp.Status, resp.Header, body, err)
			}
			if len(resp.Cookies()) > 0 || len(resp.Header) > 5 {
				t.Errorf("answered %v", resp.Header)
			}
		})
	}
}

// TestSilentAtTLS: a connection that sends nothing, or stops within a request, times out as one within TLS does.
func TestSilentAtTLS(t *testing.T) {
	for _, sends := range []string{"", "G", "GET / HTTP/1.1\r\nHost: hub\r\n"} {
		r := newFixture(t, stream.Config{}, secure(t), func(s *Server) { s.times.header = 50 * time.Millisecond })
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, sends); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, conn)
			ended <- err
		}()
		testutil.Receive(t, "the end of a connection that has sent "+sends, ended)
		_ = conn.Close() // the server has
	}
}
