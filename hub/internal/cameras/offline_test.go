package cameras

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/status"
)

func noAgent(context.Context, string) (status.Status, error) { return status.Status{}, ErrNoAgent }

func TestOfflineWithoutAgent(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		v := view(t, r, media.JPEG)
		defer v.Close()
		deliver(r, a, 7*time.Second)
		if len(a.seen().asks) != 0 || len(a.seen().wakes) != 1 {
			t.Errorf("asked %d times, woken %d times though frames come", len(a.seen().asks), len(a.seen().wakes))
		}
		a.answer(noAgent) // the agent is killed
		last := time.Now()
		for porch(t, r).Offline() == nil && time.Since(last) < time.Minute {
			pass(100 * time.Millisecond)
		}
		if gone := time.Since(last); gone >= 3*time.Second {
			t.Errorf("found offline %v after the last frame: want less than 3s", gone)
		}
		wantState(t, r, Offline, ErrNoAgent.Error())
		asks, wakes := len(a.seen().asks), len(a.seen().wakes)
		pass(time.Hour)
		if did := a.seen(); len(did.asks) != asks || len(did.wakes) != wakes {
			t.Errorf("asked %d and woken %d times though there is no agent", len(did.asks)-asks, len(did.wakes)-wakes)
		}
		r.OnStatus(word(status.Idle)) // it is back, and its viewer still waits
		wantState(t, r, status.Idle, "")
		if len(a.seen().wakes) != wakes+1 {
			t.Errorf("woken %d times after its return: want once", len(a.seen().wakes)-wakes)
		}
	})
}

func TestBackOnlineIsNotWokenWithoutViewers(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		r.OnStatus(word(status.Stopped))
		r.OnStatus(word(status.Idle))
		r.OnReconnect()
		if len(a.seen().wakes) != 0 {
			t.Errorf("woken %d times, but there is no viewer", len(a.seen().wakes))
		}
	})
}

func TestStatusTimeout(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		a.answer(func(context.Context, string) (status.Status, error) { return word(status.Idle), nil })
		pass(statusTimeout)
		if len(a.seen().asks) != 0 {
			t.Errorf("asked after %v", statusTimeout)
		}
		pass(tickInterval)
		if len(a.seen().asks) != 1 {
			t.Errorf("asked %d times after %v: want once", len(a.seen().asks), statusTimeout+tickInterval)
		}
		pass(10 * statusTimeout)
		wantState(t, r, status.Idle, "")
		if n := len(a.seen().asks); n > 11 {
			t.Errorf("asked %d times: an answer counts as heard", n)
		}
		a.answer(noAgent)
		pass(statusTimeout + tickInterval)
		wantState(t, r, Offline, ErrNoAgent.Error())
	})
}

// TestBusyAgentIsOnline: an agent that answers "too many requests" is online.
func TestBusyAgentIsOnline(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		a.answer(func(context.Context, string) (status.Status, error) {
			return status.Status{}, &RefusedError{Code: 429, Reason: "too often"}
		})
		pass(10 * statusTimeout)
		wantState(t, r, status.Idle, "")
		if n := len(a.seen().asks); n == 0 || n > 11 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestOfflineAfterTwoUnansweredRequests(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		answers := 0
		a.answer(func(ctx context.Context, _ string) (status.Status, error) {
			if answers++; answers%2 == 0 { // every other one gets through
				return word(status.Idle), nil
			}
			<-ctx.Done()
			return status.Status{}, ctx.Err()
		})
		pass(time.Minute)
		wantState(t, r, status.Idle, "")
		a.answer(nil)
		pass(statusTimeout + maxMisses*(askTimeout+tickInterval))
		wantState(t, r, Offline, errNoAnswer.Error())
	})
}

func TestOfflineAfterInvalidAnswers(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		a.answer(func(context.Context, string) (status.Status, error) {
			return status.Status{}, errors.New("not a status document")
		})
		pass(time.Minute)
		wantState(t, r, Offline, "not a status document")
		if len(a.seen().asks) != maxMisses {
			t.Errorf("asked %d times: want %d", len(a.seen().asks), maxMisses)
		}
	})
}

// While the hub has no connection, no camera can be blamed.
func TestHubWithoutConnection(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		v := view(t, r, media.JPEG)
		defer v.Close()
		for len(a.seen().asks) < maxMisses { // the last question allowed is cut off
			pass(tickInterval)
		}
		a.set(func() { a.disconnected = true })
		pass(time.Minute)
		wantState(t, r, Offline, "this hub has no connection to NATS")
		if porch(t, r).Offline() != nil || len(a.seen().asks) != maxMisses {
			t.Errorf("camera blamed: %v; asked %d times", porch(t, r).Offline(), len(a.seen().asks))
		}
		wakes := len(a.seen().wakes)
		a.answer(func(context.Context, string) (status.Status, error) { return word(status.Live), nil })
		a.set(func() { a.disconnected = false })
		r.OnReconnect()
		if len(a.seen().wakes) != wakes+1 {
			t.Errorf("woken %d times on reconnecting: want once", len(a.seen().wakes)-wakes)
		}
		pass(frameTimeout + tickInterval)
		wantState(t, r, status.Live, "")
	})
}

// After an outage of NATS the hub may be connected again before the agents are.
func TestAgentsComeBackAfterTheHub(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		v := view(t, r, media.JPEG)
		defer v.Close()
		a.set(func() { a.disconnected = true })
		pass(time.Minute)
		a.answer(noAgent)
		a.set(func() { a.disconnected = false })
		r.OnReconnect()
		for range 9 {
			pass(frameTimeout / 10)
			wantState(t, r, status.Idle, "")
		}
		a.answer(func(context.Context, string) (status.Status, error) { return word(status.Live), nil })
		pass(frameTimeout/10 + tickInterval)
		wantState(t, r, status.Live, "")
		a.set(func() { a.disconnected = true })
		pass(time.Minute)
		a.answer(noAgent) // this time it does not come back
		a.set(func() { a.disconnected = false })
		r.OnReconnect()
		pass(frameTimeout + tickInterval)
		wantState(t, r, Offline, ErrNoAgent.Error())
	})
}

// A camera that is slow to start, or deaf, is woken again and again.
func TestFrameTimeout(t *testing.T) {
	inTime(t, func(t *testing.T, r *Registry, a *fakeAgents) {
		a.answer(func(context.Context, string) (status.Status, error) { return word(status.Starting), nil })
		v := view(t, r, media.JPEG)
		defer v.Close()
		pass(20*time.Second + tickInterval/2)
		if n := len(a.seen().wakes); n != 11 { // at once, then at the first tick after each frameTimeout
			t.Errorf("woken %d times in 20 s: want 11", n)
		}
		wakes := a.seen().wakes
		for i, at := range wakes[1:] {
			if d := at.Sub(wakes[i]); d < frameTimeout {
				t.Errorf("woken again after %v", d)
			}
		}
		wantState(t, r, status.Starting, "")
	})
}
