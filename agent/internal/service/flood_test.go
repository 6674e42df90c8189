package service

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// flooder sends one request again and again, and counts the answers.
type flooder struct {
	t       *testing.T
	nc      *nats.Conn
	subject string
	began   time.Time

	answers, refusals, bytes atomic.Int64
	refused                  chan *nats.Msg
}

func newFlooder(t *testing.T, nc *nats.Conn, subj string) *flooder {
	t.Helper()
	f := &flooder{t: t, nc: nc, subject: subj, began: time.Now(), refused: make(chan *nats.Msg, 1)}
	if _, err := nc.Subscribe("_INBOX_FLOODER.>", func(msg *nats.Msg) {
		f.bytes.Add(int64(len(msg.Data)))
		if msg.Header.Get(micro.ErrorCodeHeader) == "" {
			f.answers.Add(1)
			return
		}
		f.refusals.Add(1)
		select {
		case f.refused <- msg:
		default:
		}
	}); err != nil {
		t.Fatal(err)
	}
	return f
}

// endpoint returns the endpoint of a verb.
func (s *Service) endpoint(t *testing.T, v subject.Verb) *endpoint {
	t.Helper()
	i := slices.IndexFunc(s.endpoints, func(e *endpoint) bool { return e.verb == v })
	if i < 0 {
		t.Fatalf("no endpoint %s", v)
	}
	return s.endpoints[i]
}

// subscription returns the subscription of a verb.
func (s *Service) subscription(t *testing.T, v subject.Verb) *nats.Subscription {
	t.Helper()
	subj := s.endpoint(t, v).subject
	i := slices.IndexFunc(s.subs, func(sub *nats.Subscription) bool { return sub.Subject == subj })
	if i < 0 {
		t.Fatalf("no subscription to %s", subj)
	}
	return s.subs[i]
}

func (f *flooder) ask(n int) {
	f.t.Helper()
	for range n {
		if err := f.nc.PublishRequest(f.subject, "_INBOX_FLOODER.1", nil); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := f.nc.FlushTimeout(testutil.Timeout); err != nil {
		f.t.Fatal(err)
	}
}

// atMost is how many requests a limit of so many a second, and twice that at once, lets through.
func (f *flooder) atMost(perSecond int) int64 {
	return int64(float64(perSecond)*(2+time.Since(f.began).Seconds())) + 1
}

// TestSnapshotFlood plays a consumer that requests 64 copies of each picture. It gets no more bytes than the camera's
// own rate, another consumer gets a picture meanwhile, and the requests of a hub still work.
func TestSnapshotFlood(t *testing.T) {
	const size, rate = 36_000, 360_000
	camera := newFakeCamera()
	camera.bitrate.Store(8 * rate)
	camera.snapshot = func(context.Context) (frame.Frame, error) {
		return frame.Frame{Format: frame.JPEG, Payload: make([]byte, size)}, nil
	}
	s := serve(t, camera, server.Options{})
	f := newFlooder(t, s.nc, "cam.porch.do.snapshot")
	snapshots := s.service.endpoint(t, subject.Snapshot)
	for sent := 0; f.answers.Load() < 20; {
		f.ask(64)
		sent += 64
		// More than maxPending requests in the queue are dropped, also those of others: then a requester must ask
		// again.
		testutil.Eventually(t, "the flood is handled", func() bool { return snapshots.statsNow().requests == sent })
	}
	bytes := f.bytes.Load()
	seconds := time.Since(f.began).Seconds()
	if got, most := float64(bytes), rate/4+size+rate*seconds; got > most {
		t.Errorf("%.0f bytes of snapshots in %.2f s, at most %.0f", got, seconds, most)
	}
	msg := testutil.Receive(t, "a refusal", f.refused)
	code, after := msg.Header.Get(micro.ErrorCodeHeader), msg.Header.Get(retryHeader)
	if code != "429" && code != "503" || after != "1" {
		t.Errorf("refused with %v", msg.Header)
	}
	if msg := s.ask(subject.Snapshot); len(msg.Data) != size {
		t.Errorf("another consumer got %v", msg.Header)
	}
	if _, err := status.Decode(s.ask(subject.Info).Data); err != nil {
		t.Error(err)
	}
}

// TestInfoFlood plays a consumer with 4,000 requests a second. The number of answers, refusals included, is bounded,
// and another consumer gets its answer at once.
func TestInfoFlood(t *testing.T) {
	s := serve(t, newFakeCamera(), server.Options{})
	f := newFlooder(t, s.nc, "cam.porch.do.info")
	for range 10 {
		f.ask(400)
		if _, err := status.Decode(s.ask(subject.Info).Data); err != nil {
			t.Fatalf("another consumer: %v", err)
		}
	}
	testutil.Receive(t, "a refusal", f.refused)
	if got, most := f.answers.Load(), f.atMost(infoPerSecond/2); got > most {
		t.Errorf("%d answers, at most %d", got, most)
	}
	if got, most := f.refusals.Load(), f.atMost(refusalsPerSecond/2); got > most {
		t.Errorf("%d refusals, at most %d", got, most)
	}
}

// TestWakeFlood: each wake counts during a flood, and the number of answers is bounded.
func TestWakeFlood(t *testing.T) {
	camera := newFakeCamera()
	camera.woken = make(chan struct{}, 5000)
	s := serve(t, camera, server.Options{})
	f := newFlooder(t, s.nc, "cam.porch.do.wake")
	for range 10 {
		f.ask(400)
		if got := string(s.ask(subject.Wake).Data); got != done {
			t.Fatalf("another consumer got %q", got)
		}
	}
	if len(camera.woken) != 4010 {
		t.Errorf("woken %d times", len(camera.woken))
	}
	if got, most := f.answers.Load(), f.atMost(actsPerSecond/2); got > most {
		t.Errorf("%d answers, at most %d", got, most)
	}
}

// gatedCamera is woken when its gate is open.
type gatedCamera struct {
	*fakeCamera

	gate chan struct{}
}

func (c gatedCamera) Wake() { <-c.gate }

// TestFullQueue: requests beyond those that may wait are dropped without an answer, from any requester.
// A requester that asks again gets its answer as soon as the queue has room.
func TestFullQueue(t *testing.T) {
	camera := gatedCamera{newFakeCamera(), make(chan struct{})}
	open := sync.OnceFunc(func() { close(camera.gate) })
	defer open()
	s := serve(t, camera, server.Options{})
	sub := s.service.subscription(t, subject.Wake)
	wantDropped := func(least int) int {
		t.Helper()
		var dropped int
		testutil.Eventually(t, "requests are dropped", func() bool {
			waiting, _, errWaiting := sub.Pending()
			n, errDropped := sub.Dropped()
			dropped = n
			return errors.Join(errWaiting, errDropped) == nil && waiting == maxPending && n >= least
		})
		return dropped
	}

	newFlooder(t, s.nc, sub.Subject).ask(2 * maxPending)
	before := wantDropped(maxPending - 1) // the handler may hold one
	answers, err := s.nc.SubscribeSync(nats.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.nc.PublishRequest(sub.Subject, answers.Subject, nil); err != nil {
		t.Fatal(err)
	}
	if got := wantDropped(before + 1); got != before+1 {
		t.Errorf("%d requests are dropped, want %d", got, before+1)
	}
	open()
	testutil.Eventually(t, "the queue has room", func() bool {
		waiting, _, err := sub.Pending()
		return err == nil && waiting < maxPending
	})
	if got := string(s.ask(subject.Wake).Data); got != done {
		t.Errorf("the second request got %q", got)
	}
	if n, _, err := answers.Pending(); err != nil || n != 0 {
		t.Errorf("the dropped request has %d answers: %v", n, err)
	}
}

// TestDiscoveryFlood: questions for all micro services are bounded, too, and the service's numbers tell what was
// refused.
func TestDiscoveryFlood(t *testing.T) {
	s := serve(t, newFakeCamera(), server.Options{})
	for _, verb := range []string{"PING", "INFO", "STATS"} {
		f := newFlooder(t, s.nc, "$SRV."+verb+".camera")
		f.ask(4000)
		if _, err := s.nc.Request("$SRV."+verb, nil, testutil.Timeout); err != nil {
			t.Fatal(err)
		}
		if got, most := f.answers.Load(), f.atMost(discoverPerSecond/2); got > most {
			t.Errorf("%s: %d answers, at most %d", verb, got, most)
		}
	}
	newFlooder(t, s.nc, "cam.porch.do.info").ask(1000)
	info := s.service.endpoint(t, subject.Info)
	testutil.Eventually(t, "all are counted", func() bool { return info.statsNow().requests == 1000 })
	msg, err := s.nc.Request("$SRV.STATS.camera", nil, testutil.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	var st micro.Stats
	if err := json.Unmarshal(msg.Data, &st); err != nil {
		t.Fatal(err)
	}
	if e := st.Endpoints[0]; e.Name != "info" || e.NumErrors < 900 || e.AverageProcessingTime <= 0 {
		t.Errorf("%+v", e)
	}
}

// TestManyRequesters: a consumer that invents inboxes gets no more than the limit of all, and takes bounded memory.
func TestManyRequesters(t *testing.T) {
	l := newLimits()
	q, b := newQuota(10), &l.bytes
	now := time.Unix(1, 0)
	answered, sent := 0, 0
	for i := range 10_000 {
		name := string(rune('a'+i%1000)) + "x"
		if ok, _ := q.allow(name, now); ok {
			answered++
		}
		if ok, _ := b.allow(name, 1000, 0, now); ok {
			sent++
		}
	}
	if answered != 20 || sent != 66 || len(q.each) > maxRequesters+1 || len(b.each) > maxRequesters+1 {
		t.Errorf("%d answers, %d pictures; %d and %d are told apart", answered, sent, len(q.each), len(b.each))
	}
	now = now.Add(time.Minute)
	if ok, _ := q.allow("new", now); !ok {
		t.Error("a new requester is refused after a minute")
	}
}

// TestBytesBudget: a picture of any size is sent whole when there is no debt, and the next one when that is paid.
func TestBytesBudget(t *testing.T) {
	l := newLimits()
	b := &l.bytes
	now := time.Unix(1, 0)
	const bitrate = 8_000_000 // a million bytes a second
	if ok, _ := b.allow("a", frame.MaxPayload, bitrate, now); !ok {
		t.Fatal("the first picture is refused")
	}
	ok, wait := b.allow("a", 1000, bitrate, now)
	if ok || wait.Round(time.Second) != 16*time.Second { // half of the rate is one requester's
		t.Errorf("the second: %v, wait %v", ok, wait)
	}
	ok, wait = b.allow("b", 1000, bitrate, now)
	if ok || wait.Round(time.Second) != 8*time.Second {
		t.Errorf("another requester's: %v, wait %v", ok, wait)
	}
	if ok, wait = b.allow("b", 1000, bitrate, now.Add(wait)); !ok {
		t.Errorf("after the wait: wait %v", wait)
	}
}

// TestRequester: requests of one connection, or of one credential, have one requester.
func TestRequester(t *testing.T) {
	for reply, want := range map[string]string{
		"_INBOX.abc.1": "abc", "_INBOX.abc": "abc", "_INBOX_KEY.abc.1": "_INBOX_KEY", "x": "x", "": "",
	} {
		if got := requester(reply); got != want {
			t.Errorf("%q: %q, want %q", reply, got, want)
		}
	}
}
