package jpeg_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/output/jpeg"
	"github.com/bramble-cam/bramble/hub/internal/output/outputtest"
	"github.com/bramble-cam/bramble/internal/media"
)

// X-Timestamp is the time of capture: Unix seconds with six decimals.
func TestTimestamp(t *testing.T) {
	for want, captured := range map[string]time.Time{
		"0.000000":          time.Unix(0, 999),
		"1767225600.000040": time.Unix(1767225600, 40999),
	} {
		hub := outputtest.New(t)
		desk := hub.Camera("desk", media.JPEG)
		p := media.Packet{Payload: []byte("picture"), Key: true, Seq: 1, Epoch: 1, CaptureTime: captured}
		if !desk.Stream.Append(p) {
			t.Fatal("the picture is not admitted")
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err := hub.Serve(w, r, jpeg.New(), desk); err != nil {
			t.Fatal(err)
		}
		if got := w.Header().Get("X-Timestamp"); got != want {
			t.Errorf("%q, want %s", got, want)
		}
	}
}
