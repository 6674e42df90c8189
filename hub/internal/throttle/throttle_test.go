package throttle

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

const home, abroad = "192.0.2.1", "203.0.113.7"

// later lets time pass in a bubble.
func later(d time.Duration) { <-time.After(d) }

func manyAddresses(i int) string { return fmt.Sprintf("198.18.%d.%d", i/200, i%200+1) }

// An address has one guess per wait for a name under attack. Other addresses cannot prolong its wait.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := New()
		wait := func(addr string, take bool) time.Duration {
			var w *RateLimitedError
			if errors.As(th.Wait("anna", addr, time.Now(), take), &w) {
				return w.After
			}
			return 0
		}
		for i, want := range []time.Duration{0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60, 60} {
			th.Failed("anna", manyAddresses(i), time.Now())
			if got := wait(fmt.Sprint("192.0.2.", i), true); got != want*time.Second {
				t.Errorf("with %d failing addresses: %v, want %d s", i+1, got, int(want))
			}
		}
		if wait(home, true) != maxWait || th.Wait("otto", home, time.Now(), true) != nil {
			t.Error("the wait is not that of the name alone")
		}
		later(maxWait - time.Second)
		for i := range 100 {
			th.Failed("anna", manyAddresses(i), time.Now())
		}
		if got := wait(home, true); got != time.Second {
			t.Errorf("put off to %v", got)
		}
		later(time.Second)
		for range 2 {
			if wait(home, false) != 0 {
				t.Error("asking takes the turn")
			}
		}
		if wait(home, true) != 0 || wait(home, true) != maxWait {
			t.Error("it is no turn, or more than one")
		}
		later(forgetAfter + time.Second)
		if wait(abroad, true) != 0 {
			t.Error("it is not forgotten")
		}
	})
}

// Memory is bounded for any names and addresses. An attacker cannot make the hub forget the logins of users.
func TestGuessesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := New()
		th.Succeeded("anna", home, time.Now())
		for i := range maxNames + 300 {
			th.Failed(fmt.Sprint("name", i), manyAddresses(i), time.Now())
		}
		for i := range 2 * maxFailing {
			th.Failed("otto", manyAddresses(i), time.Now())
		}
		for i := range maxTurns + 300 {
			_ = th.Wait("otto", fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), time.Now(), true)
		}
		if len(th.failing) > maxNames || len(th.turns) > maxTurns || len(th.failing["otto"].at) > maxFailing {
			t.Errorf("%d names, %d turns, %d addresses of a name", len(th.failing), len(th.turns),
				len(th.failing["otto"].at))
		}
		for i := range 2 * maxKnownAddresses {
			th.Succeeded("root", fmt.Sprint("192.0.2.", i), time.Now())
			later(time.Second)
		}
		if !th.isKnown(pair{"anna", home}) || len(th.known["root"].at) != maxKnownAddresses ||
			!th.isKnown(pair{"root", fmt.Sprint("192.0.2.", 2*maxKnownAddresses-1)}) {
			t.Errorf("remembered are %d addresses of root", len(th.known["root"].at))
		}
	})
}

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackoff(3)
		for i, want := range []time.Duration{0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60} {
			b.failed("anna", time.Now())
			if got := b.wait("anna", time.Now()); got != want*time.Second {
				t.Errorf("after %d failures: %v, want %v s", i+1, got, int(want))
			}
			if b.wait("otto", time.Now()) != 0 {
				t.Error("another address has to wait")
			}
			<-time.After(b.wait("anna", time.Now()))
			if got := b.wait("anna", time.Now()); got != 0 {
				t.Errorf("after the wait: %v", got)
			}
		}
		b.reset("anna")
		b.failed("anna", time.Now())
		if got := b.wait("anna", time.Now()); got != 0 {
			t.Errorf("forgiven: %v", got)
		}
		for range 5 {
			b.failed("anna", time.Now())
		}
		<-time.After(forgetAfter + time.Second)
		b.failed("anna", time.Now())
		if got := b.wait("anna", time.Now()); got != 0 {
			t.Errorf("forgotten: %v", got)
		}
	})
}

// Memory is bounded, and those who fail are not the first to be forgotten.
func TestBackoffIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackoff(0)
		for i := range maxFailures + 300 {
			<-time.After(time.Millisecond)
			key := fmt.Sprint(i)
			b.failed(key, time.Now())
			b.failed("insistent", time.Now())
		}
		if len(b.failures) > maxFailures {
			t.Errorf("%d are remembered", len(b.failures))
		}
		if b.wait("insistent", time.Now()) < 50*time.Second {
			t.Error("the one who fails all the time was forgotten")
		}
		<-time.After(forgetAfter + time.Second)
		b.failed("new", time.Now())
		if len(b.failures) != 1 {
			t.Errorf("%d are remembered after a while", len(b.failures))
		}
	})
}
