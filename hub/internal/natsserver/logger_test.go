package natsserver

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/internal/loglimit"
)

// An agent that does the same wrong thing again and again, on new connections, does not fill the log; what else happens
// is told.
func TestLoggerIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := &logger{log: slog.New(slog.NewTextHandler(&out, nil)), limiter: loglimit.New(loglimit.Notices()),
			refusals: loglimit.New(clientLines(nil))}
		for i := range 1200 { // two minutes
			l.Errorf("192.0.2.1:%d - cid:%d - \"v1.0.0:go\" - \"$G/nkey:UA\" - maximum payload exceeded: %d vs 8388608", 40000+i,
				i, 9_000_000+i)
			l.Warnf("192.0.2.2:40000 - cid:7 - Producer was stalled for a total of %v", time.Duration(1+i%500)*time.Millisecond)
			<-time.After(100 * time.Millisecond)
		}
		l.Errorf("192.0.2.3:9 - cid:2000 - \"v1.0.0:go\" - \"$G/nkey:UB\" - maximum payload exceeded: 9000000 vs 8388608")
		for text, want := range map[string]int{"nkey:UA": 2, "stalled": 2, "nkey:UB": 1, "level=ERROR": 3, "level=WARN": 2,
			fmt.Sprintf("kept_back=%d", 599): 2} {
			if got := strings.Count(out.String(), text); got != want {
				t.Errorf("%q is told %d times: want %d in\n%s", text, got, want, out.String())
			}
		}
	})
}
