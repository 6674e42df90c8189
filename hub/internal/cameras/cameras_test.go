package cameras

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type askFunc func(ctx context.Context, camera string) (status.Status, error)

// fakeAgents is NATS with all agents behind it.
type fakeAgents struct {
	mu           sync.Mutex
	ask          askFunc // nil: no agent answers
	feedErr      error
	disconnected bool
	did          deeds
}

// deeds is what a registry asked of NATS.
type deeds struct {
	into         *stream.Stream // of the last feed that was started
	feeds, stops int
	wakes, asks  []time.Time
	keyFrames    []time.Time
}

func (a *fakeAgents) set(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// answer lets f answer questions from now on.
func (a *fakeAgents) answer(f askFunc) { a.set(func() { a.ask = f }) }

func (a *fakeAgents) seen() deeds {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.did
	d.wakes, d.asks = slices.Clone(d.wakes), slices.Clone(d.asks)
	return d
}

func (a *fakeAgents) SubscribeFrames(_ string, into *stream.Stream) (func(), error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.feedErr != nil {
		return nil, a.feedErr
	}
	a.did.feeds++
	a.did.into = into
	return func() { a.set(func() { a.did.stops++ }) }, nil
}

func (a *fakeAgents) RequestKeyFrame(string) {
	a.set(func() { a.did.keyFrames = append(a.did.keyFrames, time.Now()) })
}

func (a *fakeAgents) OverloadReason() string { return "its agent sends too much" }

func (a *fakeAgents) Wake(string) { a.set(func() { a.did.wakes = append(a.did.wakes, time.Now()) }) }

func (a *fakeAgents) RequestStatus(ctx context.Context, camera string) (status.Status, error) {
	a.mu.Lock()
	a.did.asks = append(a.did.asks, time.Now())
	ask := a.ask
	a.mu.Unlock()
	if ask == nil {
		<-ctx.Done()
		return status.Status{}, fmt.Errorf("cam.%s.do.info: %w", camera, ctx.Err())
	}
	return ask(ctx, camera)
}

func (a *fakeAgents) Connected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.disconnected
}

// word is a status document.
func word(state status.State) status.Status {
	return status.Status{Camera: "porch", Instance: "one", Started: time.Unix(1000, 0), Host: "pi1", State: state,
		Format: frame.JPEG, FPS: 15, Bitrate: 9000}
}

// inTime runs f in synctest's time with a registry that has one camera, named porch.
func inTime(t *testing.T, f func(t *testing.T, r *Registry, a *fakeAgents)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := &fakeAgents{}
		r := New(Config{Agents: a, Log: testutil.Log(t)})
		testutil.Run(t, r.Run)
		r.OnStatus(word(status.Idle))
		f(t, r, a)
	})
}

// pass lets the time go by and then everything that it brings about happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func porch(t *testing.T, r *Registry) *Camera {
	t.Helper()
	c, err := r.Camera("porch")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func view(t *testing.T, r *Registry, f media.Codec) *Subscription {
	t.Helper()
	v, err := porch(t, r).Subscribe(f, Viewer)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// deliver is an agent that delivers a frame every 100 ms for d and publishes its status every 5 s.
func deliver(r *Registry, a *fakeAgents, d time.Duration) {
	for range d / (100 * time.Millisecond) {
		s := word(status.Live)
		if n := a.seen().into.FramesIn.Load(); n%50 == 0 {
			r.OnStatus(s)
		}
		a.seen().into.Append(media.Packet{Seq: a.seen().into.FramesIn.Load(), Payload: make([]byte, 10)})
		pass(100 * time.Millisecond)
	}
}

func wantState(t *testing.T, r *Registry, want status.State, reason string) {
	t.Helper()
	i := porch(t, r).Info()
	if i.State != want || !strings.Contains(i.Reason, reason) {
		t.Errorf("state %q (%s): want %q (%s)", i.State, i.Reason, want, reason)
	}
}

func TestUnknownCamera(t *testing.T) {
	r := New(Config{Agents: &fakeAgents{}, Log: testutil.Log(t)})
	if c, err := r.Camera("yard"); c != nil || !errors.Is(err, ErrUnknownCamera) ||
		!strings.Contains(err.Error(), "yard") {
		t.Errorf("got %v, %v: want ErrUnknownCamera that names it", c, err)
	}
	if n := len(r.Cameras()); n != 0 {
		t.Errorf("%d cameras: want none", n)
	}
}

func TestCamerasAreSorted(t *testing.T) {
	r := New(Config{Agents: &fakeAgents{}, Log: testutil.Log(t)})
	for _, id := range []string{"yard", "attic", "porch", "attic", "barn-2", "barn"} {
		s := word(status.Live)
		s.Camera = id
		r.OnStatus(s)
	}
	ids := []string{}
	for _, c := range r.Cameras() {
		ids = append(ids, c.ID())
	}
	if want := []string{"attic", "barn", "barn-2", "porch", "yard"}; !slices.Equal(ids, want) {
		t.Errorf("cameras %q: want %q", ids, want)
	}
}

func TestStates(t *testing.T) {
	for _, c := range []struct {
		say    status.State
		reason string
		want   status.State
		show   string
	}{
		{status.Idle, "", status.Idle, ""},
		{status.Starting, "", status.Starting, ""},
		{status.Live, "", status.Live, ""},
		{status.Degraded, "the lens cap is on", status.Degraded, "the lens cap is on"},
		{status.Stopped, "", Offline, "the agent was stopped"},
	} {
		t.Run(string(c.say), func(t *testing.T) {
			inTime(t, func(t *testing.T, r *Registry, _ *fakeAgents) {
				pass(time.Second)
				s := word(c.say)
				s.Reason, s.Host = c.reason, "pi7"
				r.OnStatus(s)
				wantState(t, r, c.want, c.show)
				i := porch(t, r).Info()
				if i.Host != "pi7" || !i.LastStatus.Equal(time.Now()) || i.Watched || i.Viewers != 0 || !i.Received.IsZero() {
					t.Errorf("info %+v", i)
				}
				if gone := c.want == Offline; gone != (i.FPS == 0) || gone && !i.Since.Equal(time.Now()) ||
					gone != (porch(t, r).Offline() != nil) {
					t.Errorf("%v fps since %v, offline because of %v", i.FPS, i.Since, porch(t, r).Offline())
				}
			})
		})
	}
}

func TestRatesAreMeasuredWhileWatched(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		a.answer(func(context.Context, string) (status.Status, error) { return word(status.Degraded), nil })
		v := view(t, r, media.JPEG)
		defer v.Close()
		deliver(r, a, 6*time.Second)
		i := porch(t, r).Info()
		if i.FPS != 10 || i.Bitrate != 800 || !i.Watched || i.Viewers != 1 || time.Since(i.Received) != 100*time.Millisecond {
			t.Errorf("%v fps, %d bit/s, watched %v by %d, received %v: want what comes, 10 fps and 800 bit/s",
				i.FPS, i.Bitrate, i.Watched, i.Viewers, i.Received)
		}
		pass(time.Minute)
		if i := porch(t, r).Info(); i.FPS != 15 || i.State != status.Degraded {
			t.Errorf("%v fps, %s when no frames come any more: want the agent's word", i.FPS, i.State)
		}
	})
}

func TestForgottenAfterADay(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		a.answer(func(context.Context, string) (status.Status, error) { return status.Status{}, ErrNoAgent })
		r.OnStatus(word(status.Stopped))
		pass(forgetAfter)
		wantState(t, r, Offline, "stopped")
		v := view(t, r, media.JPEG)
		pass(time.Hour) // it is waited for
		wantState(t, r, Offline, "stopped")
		v.Close()
		pass(5 * time.Second)
		wantState(t, r, Offline, "stopped") // its subscription lingers
		pass(6 * time.Second)
		if _, err := r.Camera("porch"); !errors.Is(err, ErrUnknownCamera) {
			t.Errorf("after a day offline: %v", err)
		}
		if a.seen().feeds != 1 || a.seen().stops != 1 {
			t.Errorf("%d subscriptions made, %d ended: want 1 each", a.seen().feeds, a.seen().stops)
		}
		r.OnStatus(word(status.Idle))
		wantState(t, r, status.Idle, "")
	})
}

func TestRunEndsAllStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fakeAgents{}
		r := New(Config{Agents: a, Log: testutil.Log(t)})
		stop := testutil.Run(t, r.Run)
		r.OnStatus(word(status.Idle))
		v := view(t, r, media.JPEG)
		stop()
		if a.seen().stops != 1 {
			t.Error("a subscription outlives Run")
		}
		v.Close()
	})
}

func TestRunWaitsForStatusRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer, ended := make(chan struct{}), make(chan error, 1)
		a := &fakeAgents{ask: func(context.Context, string) (status.Status, error) {
			<-answer
			return word(status.Idle), nil
		}}
		r := New(Config{Agents: a, Log: testutil.Log(t)})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- r.Run(ctx) }()
		r.OnStatus(word(status.Idle))
		pass(statusTimeout + tickInterval)
		cancel()
		synctest.Wait()
		if len(ended) != 0 || len(a.seen().asks) != 1 {
			t.Errorf("asked %d times; Run has ended before the answer: %v", len(a.seen().asks), len(ended) != 0)
		}
		close(answer)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A question that the hub's own end breaks off says nothing of the camera.
func TestShutdownMakesNoCameraOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &fakeAgents{}
		r := New(Config{Agents: a, Log: testutil.Log(t)})
		stop := testutil.Run(t, r.Run)
		r.OnStatus(word(status.Idle))
		for len(a.seen().asks) < maxMisses { // the last one allowed is under way
			pass(tickInterval)
		}
		stop()
		wantState(t, r, status.Idle, "")
	})
}

// TestManyAtOnce is for the race detector: everything that may happen at the same time does.
func TestManyAtOnce(t *testing.T) {
	a := &fakeAgents{ask: func(context.Context, string) (status.Status, error) { return word(status.Live), nil }}
	r := New(Config{Agents: a, Linger: time.Millisecond, Log: testutil.Log(t)})
	testutil.Run(t, r.Run)
	r.OnStatus(word(status.Idle))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 200 {
				s := word([]status.State{status.Live, status.Stopped, status.Degraded}[n%3])
				s.Instance, s.Started = fmt.Sprint(i%2), time.Unix(int64(1000+i%2), 0)
				s.Format = []frame.Format{frame.JPEG, frame.H264}[n/50%2]
				r.OnStatus(s)
				c, err := r.Camera("porch")
				if err != nil {
					t.Error(err)
					return
				}
				if v, err := c.Subscribe(media.JPEG, Viewer); err == nil {
					_ = c.tick(time.Now(), true)
					v.Close()
				} else if !errors.Is(err, ErrNotNative) {
					t.Error(err)
				}
				c.Info()
				c.check(t.Context())
				r.OnReconnect()
			}
		})
	}
	all.Wait()
	if n := porch(t, r).Info().Viewers; n != 0 {
		t.Errorf("%d viewers are left", n)
	}
}
