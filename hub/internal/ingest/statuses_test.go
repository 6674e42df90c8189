package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// TestStatusRate plays an agent that sends status documents of 60 kB as fast as it can, beside 20 others.
// All documents and frames of the others arrive. The hub unsubscribes only from the flooding camera.
// It finds a new camera meanwhile, and receives all statuses again after that.
func TestStatusRate(t *testing.T) {
	in := dial(t, testutil.StartNATS(t), testutil.Log(t))
	l := listen(t, in)
	evil, good := testutil.Connect(t, in.nc.ConnectedUrl()), testutil.Connect(t, in.nc.ConnectedUrl())
	porch := newCam(t, "cam0", frame.JPEG)
	into := porch.feed(in)

	s := word("evil")
	s.Reason = strings.Repeat("x", 60_000)
	flood := &nats.Msg{Subject: "cam.evil.status", Data: encode(t, s)}
	const cameras, rounds, flooded = 20, 15, 100
	began := time.Now()
	evils := 0
	for round := range rounds {
		for range min(round, 1) * flooded { // once the others are known
			publish(t, evil, flood)
		}
		flush(t, evil)
		for n := range cameras {
			s := word(fmt.Sprint("cam", n))
			s.Frames = uint64(round)
			publish(t, good, &nats.Msg{Subject: "cam." + s.Camera + ".status", Data: encode(t, s)})
		}
		porch.send(good, porch.frame(false))
		flush(t, good)
		// The next round waits until this one is handled: more than maxStatusBytes may not wait.
		for heard := map[string]bool{}; len(heard) < cameras; {
			s := testutil.Receive(t, "all documents of the others", l.words)
			switch {
			case s.Camera == "evil":
				evils++
			case s.Frames == uint64(round): // not the second copy of an older one
				heard[s.Camera] = true
			}
		}
		porch.wantIn(into, uint64(round+1))
		flush(t, in.nc)
	}
	n, most := in.refused.Count(metrics.RefusedStatusRate), mostRefused(flooded, time.Since(began))
	if n == 0 || n > most {
		t.Errorf("the hub dropped %d documents of the flooder, want 1 to %d", n, most)
	}
	if most := statusAtOnce + int(statusPerSecond*time.Since(began).Seconds()); evils > most {
		t.Errorf("%d documents of the flooder were taken, at most %d", evils, most)
	}
	if !in.statuses.perCamera() || in.statuses.subscribed("new") {
		t.Error("the hub still hears the flooder with all others")
	}
	serve(t, good, "cam", "new", encode(t, word("new")))
	flush(t, good)
	in.discover(t.Context(), l, in.statuses.subscribed)
	for s.Camera != "new" {
		s = testutil.Receive(t, "a new camera", l.words)
	}
	if !in.statuses.subscribed("new") {
		t.Error("the new camera's status is not heard")
	}
	in.statuses.tick(time.Now().Add(time.Minute))
	flush(t, in.nc)
	if in.statuses.perCamera() {
		t.Error("it is over, and each camera has a subscription of its own still")
	}
	publish(t, good, &nats.Msg{Subject: "cam.newer.status", Data: encode(t, word("newer"))})
	for s.Camera != "newer" {
		s = testutil.Receive(t, "a camera that reports", l.words)
	}
}

// mostRefused is how many documents of that agent the hub may receive and drop in a time, if it sends n at once.
// The hub unsubscribes for longer each time. While it is subscribed, maxExcess a second are no reason to unsubscribe.
func mostRefused(n int, d time.Duration) int {
	times := 1
	for pause, left := minSuspension, d; left >= pause; pause = min(2*pause, maxSuspension) {
		left -= pause
		times++
	}
	return times*n + maxExcess*int(d.Seconds()+1)
}

// TestStatusSuspension: the hub subscribes to a flooding camera again after a second, then after longer pauses.
func TestStatusSuspension(t *testing.T) {
	in := dial(t, testutil.StartNATS(t), testutil.Log(t))
	st := in.statuses
	if err := st.begin(func(string, *nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	defer st.end()
	now := time.Now()
	send := func(camera string, n int) (taken int) {
		for range n {
			if st.allows(camera, 100, now) {
				taken++
			}
		}
		return taken
	}
	if n := send("porch", 5); n != 5 || st.perCamera() {
		t.Errorf("%d documents of 5 are taken, apart: %v", n, st.perCamera())
	}
	if n := send("evil", statusAtOnce+maxExcess); n != statusAtOnce || st.perCamera() {
		t.Errorf("%d documents are taken, apart: %v", n, st.perCamera())
	}
	for _, pause := range []time.Duration{minSuspension, 2 * minSuspension, maxSuspension, maxSuspension} {
		send("evil", 1)
		if g := st.quotas["evil"]; g.sub != nil || g.suspendedUntil.Sub(now) != pause || st.quotas["porch"].sub == nil ||
			!st.perCamera() {
			t.Errorf("turned away for %v, want %v", g.suspendedUntil.Sub(now), pause)
		}
		if send("evil", 100); st.quotas["evil"].suspendedUntil.Sub(now) != pause {
			t.Error("what was on its way already makes the time longer")
		}
		now = now.Add(pause)
		st.tick(now)
		if st.quotas["evil"].sub == nil {
			t.Error("the camera is not heard again")
		}
		send("evil", statusAtOnce+maxExcess)
	}
	now = now.Add(recoveryTime + maxSuspension)
	st.tick(now)
	st.tick(now)
	if g := st.quotas["porch"]; st.perCamera() || g.sub != nil {
		t.Error("after it each camera still has a subscription of its own")
	}
}

// TestStatusBytes: a camera may send a few large documents or many small ones. They leave less room for its frames.
func TestStatusBytes(t *testing.T) {
	in := dial(t, testutil.StartNATS(t), testutil.Log(t))
	in.limits = Limits{FPS: 10, Bandwidth: 1}
	now, taken := time.Now(), 0
	for range 10 {
		if in.statuses.allows("porch", status.MaxSize, now) {
			taken++
		}
	}
	if taken != statusBurst/status.MaxSize {
		t.Errorf("%d documents of %d bytes", taken, status.MaxSize)
	}
	_, bandwidth := in.statuses.limiters("porch")
	if bandwidth.TokensAt(now) != float64(frame.MaxPayload-taken*status.MaxSize) {
		t.Errorf("%.0f bytes are left for frames", bandwidth.TokensAt(now))
	}
}

// TestManyCameras: invented camera ids take bounded memory.
func TestManyCameras(t *testing.T) {
	in := dial(t, testutil.StartNATS(t), testutil.Log(t))
	now := time.Now()
	for n := range 3 * maxQuotas {
		in.statuses.allows(fmt.Sprint("c", n), 100, now)
	}
	if n := len(in.statuses.quotas); n > maxQuotas+1 {
		t.Errorf("%d cameras are told apart", n)
	}
	now = now.Add(2 * silenceTimeout)
	if !in.statuses.allows("late", 100, now) || len(in.statuses.quotas) > 2 {
		t.Errorf("%d cameras that say nothing are remembered", len(in.statuses.quotas))
	}
}
