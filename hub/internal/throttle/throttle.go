// Package throttle decides how long a client has to wait before its next password is checked.
// It bounds how fast passwords can be guessed, without locking out users whose passwords are guessed.
package throttle

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/printable"
)

const (
	// freeAddresses is how many addresses may fail with a user's name before other addresses have to wait.
	// A user may have several devices.
	freeAddresses = 4

	// maxFailing bounds the failing addresses that are remembered for a name. With that many, the wait is the longest.
	maxFailing = 16

	// maxNames bounds the names in failing and in known.
	maxNames = 4096

	// maxKnownAddresses bounds the addresses of a user's logins that are remembered.
	maxKnownAddresses = 16

	// turnLifetime is how long an address may take its turn after the wait.
	// A person may need time to type the password again.
	turnLifetime = 10 * time.Minute

	// maxTurns bounds how many addresses wait for their turn.
	maxTurns = 1 << 16
)

// The reasons for a wait, as shown to the client. None reveals whether the user exists.
const (
	reasonAddress       = "too many wrong passwords from your address"
	reasonUserAtAddress = "too many wrong passwords for this user from your address"
	reasonUser          = "too many wrong passwords for this user from several addresses"
)

// RateLimitedError says that there were too many wrong passwords, and when the next one is checked.
type RateLimitedError struct {
	After time.Duration
	Why   string
}

func (e *RateLimitedError) Error() string {
	return fmt.Sprintf("%s: try again in %v", e.Why, max(time.Second, e.After.Round(time.Second)))
}

// Problem implements problem.Describer.
func (e *RateLimitedError) Problem() problem.Problem {
	return problem.Problem{
		Title: "Too many wrong passwords", Status: http.StatusTooManyRequests,
		RetryAfter: int((e.After + time.Second - 1) / time.Second),
	}
}

// Throttle counts wrong passwords and decides which clients have to wait. It may be used by many goroutines.
//
// An address that guesses is blocked for all names. If many addresses fail with a name, new addresses have to wait.
// Each of them waits by its own schedule, which other clients cannot extend.
// Neither rule applies to a user at an address from which they have logged in: that pair has its own block.
type Throttle struct {
	addrs    *backoff // by netutil.AddressKey
	networks *backoff // by netutil.NetworkKey: an IPv6 /48 holds 65,536 keys of addresses
	pairs    *backoff // a user at an address from which they have logged in

	mu      sync.Mutex
	failing map[string]*addresses // addresses that failed with a name, by name; guarded by mu
	turns   map[turnKey]int64     // when a waiting address may try a name, in Unix nanoseconds; guarded by mu
	known   map[string]*addresses // addresses of a user's logins, by name; guarded by mu
}

// pair is a name and the key of an address.
type pair struct{ name, address string }

func (p pair) String() string { return p.name + "\x00" + p.address }

// turnKey is a hash of a pair, to save memory: there may be many turns, and names and addresses are long.
type turnKey [16]byte

func (p pair) turnKey() turnKey {
	sum := sha256.Sum256([]byte(p.String()))
	return turnKey(sum[:len(turnKey{})])
}

// addresses are the times of the last events by address key.
type addresses struct {
	last time.Time
	at   map[string]time.Time
}

// note remembers an event and forgets the oldest one beyond limit.
func (a *addresses) note(key string, now time.Time, limit int) {
	if a.at == nil {
		a.at = make(map[string]time.Time)
	}
	a.last, a.at[key] = now, now
	if len(a.at) > limit {
		delete(a.at, oldest(a.at, func(t time.Time) time.Time { return t }))
	}
}

// entry returns the addresses of a name. Beyond maxNames it drops the name whose last event is the oldest.
func entry(names map[string]*addresses, name string) *addresses {
	a := names[name]
	if a == nil {
		if len(names) >= maxNames {
			delete(names, oldest(names, func(a *addresses) time.Time { return a.last }))
		}
		a = &addresses{}
		names[name] = a
	}
	return a
}

// oldest returns the key of the oldest entry.
func oldest[K comparable, V any](m map[K]V, at func(V) time.Time) (key K) {
	var when time.Time
	first := true
	for k, v := range m {
		if t := at(v); first || t.Before(when) {
			key, when, first = k, t, false
		}
	}
	return key
}

// New returns a Throttle without any failures.
func New() *Throttle {
	return &Throttle{
		addrs: newBackoff(addressFreeAttempts), networks: newBackoff(networkFreeAttempts),
		pairs:   newBackoff(userFreeAttempts),
		failing: make(map[string]*addresses), turns: make(map[turnKey]int64), known: make(map[string]*addresses),
	}
}

// Wait returns nil if an address may try a name's password now, else a *RateLimitedError.
// With take set it uses up the address's turn.
func (t *Throttle) Wait(name, addr string, now time.Time, take bool) error {
	p := pair{printable.Short(name), netutil.AddressKey(addr)}
	if t.isKnown(p) {
		return rateLimited(t.pairs.wait(p.String(), now), reasonUserAtAddress)
	}
	blocked := t.addrs.wait(p.address, now)
	if network := netutil.NetworkKey(addr); network != "" {
		blocked = max(blocked, t.networks.wait(network, now))
	}
	if blocked > 0 {
		return rateLimited(blocked, reasonAddress)
	}
	return rateLimited(t.turn(p, now, take), reasonUser)
}

func rateLimited(after time.Duration, why string) error {
	if after <= 0 {
		return nil
	}
	return &RateLimitedError{After: after, Why: why}
}

// turn returns how long an address has to wait for its turn with a name. Other clients cannot change that.
func (t *Throttle) turn(p pair, now time.Time, take bool) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := p.turnKey()
	at, waiting := t.turns[key]
	due := time.Unix(0, at)
	if waiting && now.Sub(due) > turnLifetime {
		delete(t.turns, key)
		waiting = false
	}
	if !waiting {
		wait := delay(t.failingLocked(p.name, now) - freeAddresses - 1)
		if wait == 0 {
			return 0
		}
		due = now.Add(wait)
		t.evictTurnsLocked(now)
		t.turns[key] = due.UnixNano()
	}
	if take && !now.Before(due) {
		delete(t.turns, key)
	}
	return max(0, due.Sub(now))
}

// failingLocked returns how many addresses have recently failed with a name.
func (t *Throttle) failingLocked(name string, now time.Time) int {
	a := t.failing[name]
	if a == nil {
		return 0
	}
	for key, at := range a.at {
		if now.Sub(at) > forgetAfter {
			delete(a.at, key)
		}
	}
	if len(a.at) == 0 {
		delete(t.failing, name)
		return 0
	}
	return len(a.at)
}

// evictTurnsLocked forgets unused turns that have expired. If there are none it forgets a random one.
// Even then most addresses get their turn.
func (t *Throttle) evictTurnsLocked(now time.Time) {
	if len(t.turns) < maxTurns {
		return
	}
	looked := 0
	for key, due := range t.turns { // in random order
		if now.Sub(time.Unix(0, due)) > turnLifetime {
			delete(t.turns, key)
		}
		if looked++; looked >= 64 {
			break
		}
	}
	for key := range t.turns {
		if len(t.turns) < maxTurns {
			return
		}
		delete(t.turns, key)
	}
}

// Failed counts a wrong password.
func (t *Throttle) Failed(name, addr string, now time.Time) {
	p := pair{printable.Short(name), netutil.AddressKey(addr)}
	t.addrs.failed(p.address, now)
	if network := netutil.NetworkKey(addr); network != "" {
		t.networks.failed(network, now)
	}
	if t.isKnown(p) {
		t.pairs.failed(p.String(), now)
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	entry(t.failing, p.name).note(p.address, now, maxFailing)
}

// Succeeded remembers the address of a user's login.
// The failures of the address stay: another client may have caused them.
func (t *Throttle) Succeeded(name, addr string, now time.Time) {
	p := pair{printable.Short(name), netutil.AddressKey(addr)}
	t.pairs.reset(p.String())
	t.mu.Lock()
	defer t.mu.Unlock()
	if a := t.failing[p.name]; a != nil {
		delete(a.at, p.address)
	}
	delete(t.turns, p.turnKey())
	entry(t.known, p.name).note(p.address, now, maxKnownAddresses)
}

// isKnown reports whether the user has logged in from the address.
func (t *Throttle) isKnown(p pair) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.known[p.name]
	if a == nil {
		return false
	}
	_, ok := a.at[p.address]
	return ok
}
