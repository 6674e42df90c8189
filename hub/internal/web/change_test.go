package web

import (
	"net/http"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestChange changes settings while a viewer watches. They apply at once, and the viewer stays connected.
func TestChange(t *testing.T) {
	r := newFixture(t, stream.Config{}, func(s *Server) { s.cfg.DefaultCamera = "yard" })
	desk := r.camera("desk", frame.JPEG)
	desk.picture()
	yard := r.camera("yard", frame.JPEG)
	first, second := r.mjpeg("/cam/desk.mjpeg"), r.mjpeg("/?action=stream")
	first.part()
	yard.picture()
	second.part()

	r.srv.Update(RuntimeConfig{Limits: viewers.Limits{Viewers: 1}, AllowOrigins: []string{"https://friend.example.org"},
		DefaultCamera: "desk"})
	if live := r.srv.config(); live.WriteTimeout != DefaultWriteTimeout {
		t.Errorf("%+v", live)
	}
	if resp, _ := r.do(http.MethodGet, "/cam/desk.jpeg"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("beyond the new limit: %s", resp.Status)
	}
	newest := desk.picture()
	yard.picture()
	first.part()
	second.part()

	r.srv.Update(RuntimeConfig{WriteTimeout: time.Minute, DefaultCamera: "desk"})
	if resp, body := r.do(http.MethodGet, "/?action=snapshot"); resp.StatusCode != http.StatusOK ||
		string(body) != string(newest) {
		t.Errorf("without a limit, of the new default camera: %s, %q", resp.Status, body)
	}
	_ = first.Close()
	_ = second.Close()
}
