package wakeup_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/hub/internal/wakeup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWait: a signal, the end of the context and the deadline each end a wait.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := wakeup.New()
		defer w.Stop()
		ctx, cancel := context.WithCancel(t.Context())
		w.WatchContext(ctx)
		wait := func(limit time.Duration) time.Duration {
			began := time.Now()
			w.Wait(began, began.Add(limit))
			return time.Since(began)
		}
		if d := wait(time.Second); d != time.Second {
			t.Errorf("waited %v for the deadline", d)
		}
		w.Signal()
		w.Signal() // one token only
		if d := wait(time.Hour); d != 0 {
			t.Errorf("waited %v for a signal that was there", d)
		}
		time.AfterFunc(time.Second, w.Signal)
		if d := wait(time.Hour); d != time.Second {
			t.Errorf("waited %v for a signal", d)
		}
		time.AfterFunc(time.Second, cancel)
		if d := wait(time.Hour); d != time.Second {
			t.Errorf("waited %v for the context", d)
		}
		w.WatchContext(t.Context())
		if d := wait(time.Minute); d != time.Minute { // the timer of an hour must not be waited for
			t.Errorf("waited %v for an earlier deadline", d)
		}
	})
}
