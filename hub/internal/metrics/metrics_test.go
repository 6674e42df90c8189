package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
)

// TestHandler: counters of two hubs in one process are apart, and a label's values are there before they count.
func TestHandler(t *testing.T) {
	refused := metrics.NewRefused()
	refused.Inc(metrics.RefusedBody)
	codes := metrics.NewCounterVec("http_errors_total", "Errors.", "code", "404", "500")
	codes.WithLabelValues("404").Inc()
	for _, h := range []http.Handler{metrics.Handler(refused, codes, metrics.BuildInfo("1.2.3")), metrics.Handler(codes)} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, want := range []string{
			`bramble_hub_http_errors_total{code="404"} 1`, `bramble_hub_http_errors_total{code="500"} 0`, "go_goroutines ",
		} {
			if !strings.Contains(w.Body.String(), "\n"+want) {
				t.Errorf("%s is not in %s", want, w.Body)
			}
		}
	}
	w := httptest.NewRecorder()
	metrics.Handler(refused, metrics.BuildInfo("1.2.3")).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`bramble_hub_refused_total{reason="body"} 1`, `bramble_hub_refused_total{reason="message"} 0`,
		`bramble_hub_refused_total{reason="status"} 0`, `bramble_hub_build_info{version="1.2.3"} 1`,
	} {
		if !strings.Contains(w.Body.String(), "\n"+want+"\n") {
			t.Errorf("%s is not in %s", want, w.Body)
		}
	}
}
