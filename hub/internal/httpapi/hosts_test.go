package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/stream"
)

func TestIsOwnHost(t *testing.T) {
	const port = "8080"
	for _, tc := range []struct {
		host string
		want bool
	}{
		{"127.0.0.1", true}, {"[::1]", true}, {"192.0.2.7", true}, {"[fe80::1%25eth0]", true},
		{"localhost", true}, {"LOCALHOST", true}, {"bramble.localhost", true}, {"", true},
		{"wall", true}, {"Wall.lab.example", true}, {"wall.local", true}, {"wall.", true},
		{"evil.example", false}, {"wall.evil.example", false}, {"localhost.evil.example", false}, {"127.0.0.1.evil.example", false},
	} {
		for _, host := range []string{tc.host, tc.host + ":" + port} {
			if got := isOwnHost(host, "wall.lab.example"); got != tc.want {
				t.Errorf("%q: %v, want %v", host, got, tc.want)
			}
		}
	}
}

// TestOwnHost: a page that has its name point to this host gets nothing, neither pictures nor what there is.
func TestOwnHost(t *testing.T) {
	r := newRig(t, stream.Config{}, func(s *Server) { s.cfg.OwnHostOnly = true })
	for _, path := range []string{"/", "/ws", "/cam/desk.jpeg", "/api/v1/cameras", "/metrics", "/bramble-camera.js"} {
		for host, refused := range map[string]bool{"evil.example": true, "127.0.0.1": false} {
			req := httptest.NewRequest(http.MethodGet, path, nil)
			req.Host = host
			rec := httptest.NewRecorder()
			r.srv.ServeHTTP(rec, req)
			if got := rec.Code == http.StatusMisdirectedRequest; got != refused {
				t.Errorf("%s of %s: %d", path, host, rec.Code)
			}
			if refused && !strings.Contains(rec.Body.String(), "--insecure") {
				t.Errorf("%s of %s names no remedy: %s", path, host, rec.Body)
			}
		}
	}
}
