package connlimit_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/connlimit"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
)

// queue is a listener at which a connection always waits.
type queue struct{ net.Listener }

func (queue) Accept() (net.Conn, error) { return nil, nil } //nolint:nilnil // no test uses the connection

// TestAcceptLimiter: a hundred are accepted at once, then as many as the limit says, and the limit may change.
func TestAcceptLimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := connlimit.NewAcceptLimiter(50)
		l := a.Listener(t.Context(), queue{})
		take := func(n int) time.Duration {
			start := time.Now()
			for range n {
				if _, err := l.Accept(); err != nil {
					t.Fatal(err)
				}
			}
			return time.Since(start)
		}
		if d := take(100); d != 0 || delayed(t, a) != 0 {
			t.Errorf("the first hundred took %v, and %d waited", d, delayed(t, a))
		}
		if d := take(100); d < 1990*time.Millisecond || d > 2010*time.Millisecond || delayed(t, a) != 100 {
			t.Errorf("another hundred took %v, and %d waited: want 50 a second", d, delayed(t, a))
		}
		a.SetRate(1000)
		if d := take(100); d < 90*time.Millisecond || d > 110*time.Millisecond {
			t.Errorf("with 1000 a second a hundred took %v", d)
		}
		a.SetRate(0)
		if d := take(10000); d != 0 {
			t.Errorf("without a limit ten thousand took %v", d)
		}
	})
}

// TestAcceptLimiterEnd: no connection waits when the server stops.
func TestAcceptLimiterEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		a := connlimit.NewAcceptLimiter(1)
		l := a.Listener(ctx, queue{})
		time.AfterFunc(90*time.Second, cancel)
		start := time.Now()
		for range 100 + 1000 {
			if _, err := l.Accept(); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d != 90*time.Second {
			t.Errorf("it took %v until the last one was let in: want the 90 s until the server stopped", d)
		}
	})
}

// delayed returns how many connections have waited.
func delayed(t *testing.T, a *connlimit.AcceptLimiter) (n int) {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler(a).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	_, value, _ := strings.Cut(w.Body.String(), "\nbramble_hub_connections_delayed_total ")
	if _, err := fmt.Sscan(value, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
