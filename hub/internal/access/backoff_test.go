package access

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBackoff(3)
		for i, want := range []time.Duration{0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60} {
			b.failed("anna", time.Now())
			if got := b.wait("anna", time.Now()); got != want*time.Second {
				t.Errorf("after %d failures: %v, want %v s", i+1, got, int(want))
			}
			if b.wait("otto", time.Now()) != 0 {
				t.Error("somebody else has to wait")
			}
			<-time.After(b.wait("anna", time.Now()))
			if got := b.wait("anna", time.Now()); got != 0 {
				t.Errorf("after the wait: %v", got)
			}
		}
		b.forgive("anna")
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
		for i := range maxStrikes + 300 {
			<-time.After(time.Millisecond)
			key := fmt.Sprint(i)
			b.failed(key, time.Now())
			b.failed("insistent", time.Now())
		}
		if len(b.strikes) > maxStrikes {
			t.Errorf("%d are remembered", len(b.strikes))
		}
		if b.wait("insistent", time.Now()) < 50*time.Second {
			t.Error("the one who fails all the time was forgotten")
		}
		<-time.After(forgetAfter + time.Second)
		b.failed("new", time.Now())
		if len(b.strikes) != 1 {
			t.Errorf("%d are remembered after a while", len(b.strikes))
		}
	})
}
