package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/secret"
)

const (
	// basicCacheTTL is how long a password that was right is remembered.
	// Programs send it with each request, and a check takes 19 MiB.
	basicCacheTTL = 5 * time.Minute

	maxBasicCache = 256
)

// basicCache remembers passwords that were right, as MACs under a random key.
type basicCache struct {
	key []byte

	mu    sync.Mutex
	known map[passwordMAC]time.Time // until when; guarded by mu
}

type passwordMAC [sha256.Size]byte

func newBasicCache() *basicCache {
	c := &basicCache{key: make([]byte, 32), known: make(map[passwordMAC]time.Time)}
	_, _ = rand.Read(c.key) // never fails
	return c
}

func (c *basicCache) mac(u credstore.User, password secret.Text) (sum passwordMAC) {
	m := hmac.New(sha256.New, c.key)
	m.Write([]byte(u.CredentialVersion() + "\x00" + u.Name + "\x00" + password.Reveal()))
	m.Sum(sum[:0])
	return sum
}

func (c *basicCache) contains(mac passwordMAC, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Before(c.known[mac])
}

func (c *basicCache) add(mac passwordMAC, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxBasicCache {
		clear(c.known)
	}
	c.known[mac] = now.Add(basicCacheTTL)
}
