package web

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestTooLarge: a body or message beyond its limit is refused with the limit, and counted.
func TestTooLarge(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) {
		s.cfg.Agents = &fakeAgent{}
		s.compose()
		s.refused.Inc(metrics.RefusedStatus)
	})
	r.camera("desk", frame.JPEG)
	resp, body := r.post("/api/v1/cameras/desk/controls", `{"fps":5,"x":"`+strings.Repeat("x", 20_000)+`"}`)
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !strings.Contains(string(body), "8192") {
		t.Errorf("settings that are too long: %s %s", resp.Status, body)
	}
	c := r.dial()
	c.say("%s", strings.Repeat("x", 4<<10+1))
	c.ends()
	if values, _ := r.scrape(); values[`bramble_hub_refused_total{reason="body"}`] != "1" ||
		values[`bramble_hub_refused_total{reason="message"}`] != "1" ||
		values[`bramble_hub_refused_total{reason="status"}`] != "1" {
		t.Errorf("counted %v", values)
	}
}

// TestHeadersTooLarge: a request's headers are read up to a limit, in one line or in many.
func TestHeadersTooLarge(t *testing.T) {
	t.Parallel()
	r := newFixture(t, stream.Config{})
	for name, text := range map[string]string{
		"one line": "X-Long: " + strings.Repeat("x", 32<<10) + "\r\n", "many lines": strings.Repeat("X-Short: x\r\n", 4000),
		"a long URL": "",
	} {
		t.Run(name, func(t *testing.T) {
			path := "/healthz"
			if text == "" {
				path += "?" + strings.Repeat("x", 32<<10)
			}
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }() // the answer is there
			if err := conn.SetDeadline(time.Now().Add(testutil.Timeout)); err != nil {
				t.Fatal(err)
			}
			_, _ = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: hub\r\n%s\r\n", path, text) // the hub does not read all of it
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%v, %v", resp, err)
			}
		})
	}
}
