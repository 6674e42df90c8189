package hub

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/subject"
)

// TestViewersDoNotReachTheAgent plays viewers who ask for a camera's controls as fast as they can. The agent gets two
// questions a second.
func TestViewersDoNotReachTheAgent(t *testing.T) {
	page, natsURL, _ := start(t, Config{})
	a := newAgent(t, natsURL)
	var asked atomic.Int64
	if _, err := a.nc.Subscribe(subject.Space{}.Do("desk", subject.Info), func(*nats.Msg) { asked.Add(1) }); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the camera is known", func() bool {
		a.publish(subject.Space{}.Status("desk"), nil, a.status) // the hub may have been too late for the last one
		code, _ := get(t, page+"/api/v1/cameras/desk")
		return code == 200
	})
	before, began := asked.Load(), time.Now()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 32}, Timeout: testutil.Timeout}
	defer client.CloseIdleConnections()
	var viewers sync.WaitGroup
	for range 32 {
		viewers.Go(func() {
			for range 125 {
				resp, err := client.Get(page + "/api/v1/cameras/desk/controls")
				if err != nil {
					t.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close() // read to its end
				if err != nil || resp.StatusCode != 200 {
					t.Errorf("%s, %v", resp.Status, err)
					return
				}
			}
		})
	}
	viewers.Wait()
	n, most := asked.Load()-before, int64(time.Since(began)/(500*time.Millisecond))+1
	if n > most+1 { // one more may be the hub's own
		t.Errorf("4000 requests made %d questions to the agent, at most %d", n, most)
	}
}
