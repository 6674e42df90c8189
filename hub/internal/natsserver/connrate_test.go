package natsserver

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestConnectionsInALoop: of 500 connections with one credential at once, a burst is admitted, then a fixed rate.
// The rest is refused after a second. Other credentials do not wait.
func TestConnectionsInALoop(t *testing.T) {
	file, c := newFile(t)
	store, err := credstore.Open(file, testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		g := newAuthenticator(Config{Credentials: store, Log: testutil.Log(t)}, false)
		began := time.Now()
		var let, refused atomic.Int32
		var all sync.WaitGroup
		for range 500 {
			all.Go(func() {
				switch err := g.waitTurn(c.consumer.Public()); {
				case err == nil:
					let.Add(1)
				case errors.Is(err, errTooFast):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		if err := g.waitTurn(c.porch.Public()); err != nil || time.Since(began) > 0 {
			t.Errorf("an agent has waited %v for others: %v", time.Since(began), err)
		}
		all.Wait()
		if let.Load() != connBurst+connRate || refused.Load() != 500-connBurst-connRate || time.Since(began) != connWait {
			t.Errorf("%d were let in, %d refused, within %v", let.Load(), refused.Load(), time.Since(began))
		}
		<-time.After(connBurst * time.Second / connRate)
		if err := g.waitTurn(c.consumer.Public()); err != nil {
			t.Errorf("later: %v", err)
		}
		g.prune(nil, nil, time.Now().Add(time.Minute))
		if len(g.connRates) != 0 {
			t.Errorf("%d paces are kept", len(g.connRates))
		}
	})
}
