package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/stream"
)

func TestIsOwnHost(t *testing.T) {
	for _, tc := range []struct {
		host string
		want bool
	}{
		{"127.0.0.1:8080", true}, {"[::1]:8080", true}, {"[::1]", true}, {"192.0.2.7:8080", true}, {"[fe80::1%25eth0]:8080", true},
		{"localhost", true}, {"LOCALHOST:8080", true}, {"bramble.localhost:8080", true}, {"", true},
		{"wall", true}, {"Wall.lab.example:80", true}, {"wall.local:8080", true}, {"wall.", true},
		{"evil.example:8080", false}, {"wall.evil.example", false}, {"localhost.evil.example", false}, {"127.0.0.1.evil.example", false}, {"example:8080:1", false},
	} {
		if got := isOwnHost(tc.host, "wall.lab.example"); got != tc.want {
			t.Errorf("%q: %v, want %v", tc.host, got, tc.want)
		}
	}
}

// TestOwnHost: a page that has its name point to this host gets nothing, neither pictures nor what there is.
func TestOwnHost(t *testing.T) {
	r := newRig(t, stream.Config{}, func(s *Server) { s.cfg.OwnHostOnly = true })
	for _, path := range []string{"/", "/ws", "/cam/desk.jpeg", "/api/v1/cameras", "/metrics", "/bramble-camera.js"} {
		for host, refused := range map[string]bool{"evil.example": true, "127.0.0.1:8080": false} {
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
