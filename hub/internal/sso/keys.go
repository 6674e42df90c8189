package sso

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
)

const (
	// leastInterval is the shortest time between two fetches.
	// An attacker who invents key IDs must not make the hub send a request to the provider each time.
	leastInterval = 10 * time.Second

	// freshFor is how long keys are used without another fetch. So the hub drops a key that the provider withdraws.
	freshFor = 15 * time.Minute

	// staleFor is how long keys are used while the provider is unavailable.
	staleFor = 24 * time.Hour

	// renewInterval is the time between attempts to renew old keys while the provider is unavailable.
	renewInterval = time.Minute

	maxKeys = 100
)

// keySet is a JSON Web Key Set (RFC 7517) that is fetched on demand. It implements oidc.KeySet.
//
// oidc.RemoteKeySet would fetch it for each unknown key ID.
type keySet struct {
	fetch func(context.Context) ([]byte, error)
	group singleflight.Group

	mu    sync.Mutex
	keys  []jose.JSONWebKey // guarded by mu
	tried time.Time         // when the last fetch began; guarded by mu
	good  time.Time         // when the last successful fetch began; guarded by mu
	asked time.Time         // when a caller last began to renew old keys; guarded by mu
	err   error             // of the last fetch; guarded by mu
}

// fromURL fetches by HTTP.
func fromURL(client *http.Client, url string) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		resp, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		defer func() { _ = resp.Body.Close() }() // it was only read
		if resp.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answers %s", url, resp.Status)
		}
		return io.ReadAll(resp.Body)
	}
}

// fromFile reads a file.
func fromFile(name string) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it was only read
		return io.ReadAll(io.LimitReader(f, maxAnswer))
	}
}

// parseKeys returns the public keys of a set that can verify signatures.
// It refuses a set with a private key: every reader of the set could sign with it.
func parseKeys(data []byte) (keys []jose.JSONWebKey, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("this is not a JSON Web Key Set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("the key set has %d keys, more than %d", len(set.Keys), maxKeys)
	}
	for _, text := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(text) != nil || key.Use != "" && key.Use != "sig" { // RFC 7517, 5: ignore unknown keys
			continue
		}
		switch key.Key.(type) {
		case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
			keys = append(keys, key)
		case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
			return nil, errors.New("the key set holds a private key: publish only the public key, and create a new key pair")
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no public key that verifies signatures")
	}
	return keys, nil
}

// VerifySignature implements oidc.KeySet.
func (s *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	var known []jose.SignatureAlgorithm
	for _, a := range algorithms() {
		known = append(known, jose.SignatureAlgorithm(a))
	}
	jws, err := jose.ParseSignedCompact(token, known)
	if err != nil {
		return nil, err
	}
	header := jws.Signatures[0].Header // the compact form has one
	keys, age := s.current(time.Now())
	payload := verify(jws, header, keys)
	switch {
	case payload != nil && age < freshFor:
		return payload, nil
	case payload == nil && age < freshFor && header.KeyID != "" && hasKey(keys, header.KeyID):
		return nil, errors.New("the signature is wrong")
	case payload != nil && age < staleFor && !s.due(time.Now()): // the provider may be unavailable: do not wait for it
		return payload, nil
	}
	if err := s.refresh(ctx); err != nil {
		away := &UnavailableError{err}
		if into, ok := ctx.Value(awayKey{}).(**UnavailableError); ok {
			*into = away
		}
		return nil, away
	}
	keys, _ = s.current(time.Now())
	if payload = verify(jws, header, keys); payload == nil {
		return nil, errors.New("the signature is wrong, or made with a key that the provider does not publish")
	}
	return payload, nil
}

// awayKey is the context key under which VerifySignature reports unavailable keys.
// oidc.IDTokenVerifier replaces every error that it gets.
type awayKey struct{}

// check verifies a token. The error is an *UnavailableError if the provider's keys are needed but unavailable.
func check(ctx context.Context, v *oidc.IDTokenVerifier, token string) (*oidc.IDToken, error) {
	if !compact(token) {
		return nil, errors.New("this is not a signed token: such a token has three parts separated by dots")
	}
	var away *UnavailableError
	t, err := v.Verify(context.WithValue(ctx, awayKey{}, &away), token)
	if away != nil {
		return nil, away
	}
	return t, err
}

func hasKey(keys []jose.JSONWebKey, id string) bool {
	for _, k := range keys {
		if k.KeyID == id {
			return true
		}
	}
	return false
}

// verify returns the payload if one of the keys has signed it, or nil.
func verify(jws *jose.JSONWebSignature, header jose.Header, keys []jose.JSONWebKey) []byte {
	for _, k := range keys {
		if header.KeyID != "" && k.KeyID != header.KeyID || k.Algorithm != "" && k.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(k.Key); err == nil {
			return payload
		}
	}
	return nil
}

// current returns the keys and their age.
func (s *keySet) current(now time.Time) (keys []jose.JSONWebKey, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, now.Sub(s.good)
}

// due reports whether old keys should be fetched again. It returns true to only one of several callers.
func (s *keySet) due(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.asked) < renewInterval {
		return false
	}
	s.asked = now
	return true
}

// refresh fetches the keys, unless that was tried a moment ago. It fails only if there are no usable keys.
func (s *keySet) refresh(ctx context.Context) error {
	_, err, _ := s.group.Do("", func() (any, error) { // several requests wait for one fetch
		now := time.Now()
		s.mu.Lock()
		soon := now.Sub(s.tried) < leastInterval && !s.tried.IsZero()
		if !soon {
			s.tried = now
		}
		s.mu.Unlock()
		if !soon {
			s.load(context.WithoutCancel(ctx), now) // a caller may leave: others wait for the same fetch
		}
		return nil, s.usable(now)
	})
	return err
}

func (s *keySet) load(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	data, err := s.fetch(ctx)
	var keys []jose.JSONWebKey
	if err == nil {
		keys, err = parseKeys(data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.keys, s.good = keys, now
	}
}

// usable returns nil, or why there are no usable keys.
func (s *keySet) usable(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys != nil && now.Sub(s.good) < staleFor {
		return nil
	}
	s.keys = nil
	if s.err == nil {
		return errors.New("its keys were not fetched yet")
	}
	return s.err
}
