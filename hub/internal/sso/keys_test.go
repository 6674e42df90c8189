package sso

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// A client that invents key IDs cannot make the hub ask the provider each time. A new key is still accepted soon.
func TestKeyRotation(t *testing.T) {
	signers := newSigners()
	old, next := signers["RS256"], signers["ES256"]
	before, after := keySetOf(t, old), keySetOf(t, next)
	synctest.Test(t, func(t *testing.T) {
		asked, data := 0, before
		var fail error
		s := &keySet{fetch: func(context.Context) ([]byte, error) { asked++; return data, fail }}
		good := func(s1 signer) error {
			_, err := s.VerifySignature(t.Context(), s1.sign(t, claimsWith(nil)))
			return err
		}
		if err := good(old); err != nil || asked != 1 {
			t.Fatalf("%v, asked %d times", err, asked)
		}
		for i := range 200 {
			if err := good(signer{fmt.Sprint("invented", i), next.alg, next.key}); err == nil {
				t.Fatal("an unknown key counts")
			}
		}
		if asked != 1 {
			t.Errorf("200 invented names of keys within 10 s: asked %d times", asked)
		}
		<-time.After(leastInterval)
		for range 100 {
			_ = good(signer{"invented", next.alg, next.key})
		}
		if asked != 2 {
			t.Errorf("and 100 after that: asked %d times", asked)
		}
		data = after
		<-time.After(leastInterval)
		if err := good(next); err != nil || asked != 3 {
			t.Errorf("the new key: %v, asked %d times", err, asked)
		}
		if err := good(old); err == nil {
			t.Error("the withdrawn key counts")
		}
		// While the provider is down its keys are valid for a day, and clients do not wait for it.
		fail = errors.New("away")
		<-time.After(freshFor)
		for range 50 {
			if err := good(next); err != nil {
				t.Fatalf("with old keys: %v", err)
			}
		}
		if asked != 4 {
			t.Errorf("with old keys: asked %d times", asked)
		}
		<-time.After(staleFor)
		if err := good(next); !errors.As(err, new(*UnavailableError)) {
			t.Errorf("a day later: %v", err)
		}
		fail = nil
		<-time.After(leastInterval)
		if err := good(next); err != nil {
			t.Errorf("it is back: %v", err)
		}
	})
}

// The hub drops a key that the provider withdraws, even if no client shows another.
func TestWithdrawnKey(t *testing.T) {
	old, next := newSigners()["RS256"], newSigners()["ES256"]
	before, after := keySetOf(t, old, next), keySetOf(t, next)
	synctest.Test(t, func(t *testing.T) {
		data := before
		s := &keySet{fetch: func(context.Context) ([]byte, error) { return data, nil }}
		token := old.sign(t, claimsWith(nil))
		if _, err := s.VerifySignature(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		data = after
		<-time.After(freshFor)
		if _, err := s.VerifySignature(t.Context(), token); err == nil {
			t.Error("it still counts")
		}
	})
}

// A provider that does not answer delays one request at a time, and only for a bounded time.
func TestSlowProvider(t *testing.T) {
	token := newSigners()["RS256"].sign(t, claimsWith(nil))
	synctest.Test(t, func(t *testing.T) {
		s := &keySet{fetch: func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }}
		begun := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // the caller has left: others wait for the same fetch
		if _, err := s.VerifySignature(ctx, token); !errors.As(err, new(*UnavailableError)) ||
			time.Since(begun) != fetchTimeout {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}
