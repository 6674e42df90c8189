package access

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/printable"
)

const (
	// freeAddresses is how many addresses may fail with a user's name before other addresses have to wait.
	// A user may have several devices.
	freeAddresses = 4

	// maxFailing bounds the failing addresses that are remembered for a name. With that many, the wait is the longest.
	maxFailing = 16

	// maxTargets bounds the names in targets, and the users in homes.
	maxTargets = 4096

	// maxHomes bounds the addresses of a user's logins that are remembered.
	maxHomes = 16

	// turnLife is how long an address may take its turn after the wait.
	// A person may need time to type the password again.
	turnLife = 10 * time.Minute

	// maxTurns bounds how many addresses wait for their turn.
	maxTurns = 1 << 16
)

// The reasons for a wait, as shown to the client. None reveals whether the user exists.
const (
	waitOfAddress = "too many wrong passwords from your address"
	waitOfPair    = "too many wrong passwords for this user from your address"
	waitOfName    = "too many wrong passwords for this user from several addresses"
)

// guesses decides how long a client has to wait before its next password is checked.
//
// An address that guesses is blocked for all names. If many addresses fail with a name, new addresses have to wait.
// Each of them waits by its own schedule, which other clients cannot extend.
// Neither rule applies to a user at an address from which they have logged in: that pair has its own block.
type guesses struct {
	addrs    *backoff // by netutil.AddressKey
	networks *backoff // by netutil.NetworkKey: an IPv6 /48 holds 65,536 keys of netutil.AddressKey
	pairs    *backoff // a user at an address from which they have logged in

	mu      sync.Mutex
	targets map[string]*target    // by name; guarded by mu
	turns   map[turnKey]int64     // when a waiting address may try a name, in Unix nanoseconds; guarded by mu
	homes   map[string]*addresses // addresses of a user's logins, by name; guarded by mu
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

// target is a name with wrong passwords. Its addresses are those that failed.
type target struct{ failing addresses }

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

func newGuesses() *guesses {
	return &guesses{
		addrs: newBackoff(freeOfAddress), networks: newBackoff(freeOfNetwork), pairs: newBackoff(freeOfAddress),
		targets: make(map[string]*target), turns: make(map[turnKey]int64), homes: make(map[string]*addresses),
	}
}

// wait returns nil if an address may try a name's password now. With take set it uses up the address's turn.
func (g *guesses) wait(name, addr string, now time.Time, take bool) error {
	p := pair{printable.Short(name), netutil.AddressKey(addr)}
	if g.isHome(p) {
		return waitError(g.pairs.wait(p.String(), now), waitOfPair)
	}
	blocked := g.addrs.wait(p.address, now)
	if network := netutil.NetworkKey(addr); network != "" {
		blocked = max(blocked, g.networks.wait(network, now))
	}
	if blocked > 0 {
		return waitError(blocked, waitOfAddress)
	}
	return waitError(g.turn(p, now, take), waitOfName)
}

func waitError(after time.Duration, why string) error {
	if after <= 0 {
		return nil
	}
	return &RateLimitedError{After: after, Why: why}
}

// turn returns how long an address has to wait for its turn with a name. Other clients cannot change that.
func (g *guesses) turn(p pair, now time.Time, take bool) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := p.turnKey()
	at, waiting := g.turns[key]
	due := time.Unix(0, at)
	if waiting && now.Sub(due) > turnLife {
		delete(g.turns, key)
		waiting = false
	}
	if !waiting {
		delay := turnDelay(g.failingLocked(p.name, now))
		if delay == 0 {
			return 0
		}
		due = now.Add(delay)
		g.makeRoomLocked(now)
		g.turns[key] = due.UnixNano()
	}
	if take && !now.Before(due) {
		delete(g.turns, key)
	}
	return max(0, due.Sub(now))
}

// turnDelay returns how long an address waits for a name with this many failing addresses.
func turnDelay(failing int) time.Duration {
	over := failing - freeAddresses - 1
	if over < 0 {
		return 0
	}
	return min(maxWait, time.Second<<min(over, 10))
}

// failingLocked returns how many addresses have recently failed with a name.
func (g *guesses) failingLocked(name string, now time.Time) int {
	t := g.targets[name]
	if t == nil {
		return 0
	}
	for key, at := range t.failing.at {
		if now.Sub(at) > forgetAfter {
			delete(t.failing.at, key)
		}
	}
	if len(t.failing.at) == 0 {
		delete(g.targets, name)
		return 0
	}
	return len(t.failing.at)
}

// makeRoomLocked forgets unused turns that have expired. If there are none it forgets a random one.
// Even then most addresses get their turn.
func (g *guesses) makeRoomLocked(now time.Time) {
	if len(g.turns) < maxTurns {
		return
	}
	looked := 0
	for key, due := range g.turns { // in random order
		if now.Sub(time.Unix(0, due)) > turnLife {
			delete(g.turns, key)
		}
		if looked++; looked >= 64 {
			break
		}
	}
	for key := range g.turns {
		if len(g.turns) < maxTurns {
			return
		}
		delete(g.turns, key)
	}
}

// failed counts a wrong password.
func (g *guesses) failed(name, addr string, now time.Time) {
	p := pair{printable.Short(name), netutil.AddressKey(addr)}
	g.addrs.failed(p.address, now)
	if network := netutil.NetworkKey(addr); network != "" {
		g.networks.failed(network, now)
	}
	if g.isHome(p) {
		g.pairs.failed(p.String(), now)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.targets[p.name]
	if t == nil {
		if len(g.targets) >= maxTargets {
			delete(g.targets, oldest(g.targets, func(t *target) time.Time { return t.failing.last }))
		}
		t = &target{}
		g.targets[p.name] = t
	}
	t.failing.note(p.address, now, maxFailing)
}

// succeeded remembers the address of a user's login.
// The failures of the address stay: another client may have caused them.
func (g *guesses) succeeded(name, addr string, now time.Time) {
	p := pair{printable.Short(name), netutil.AddressKey(addr)}
	g.pairs.forgive(p.String())
	g.mu.Lock()
	defer g.mu.Unlock()
	if t := g.targets[p.name]; t != nil {
		delete(t.failing.at, p.address)
	}
	delete(g.turns, p.turnKey())
	h := g.homes[p.name]
	if h == nil {
		if len(g.homes) >= maxTargets {
			delete(g.homes, oldest(g.homes, func(h *addresses) time.Time { return h.last }))
		}
		h = &addresses{}
		g.homes[p.name] = h
	}
	h.note(p.address, now, maxHomes)
}

// isHome reports whether the user has logged in from the address.
func (g *guesses) isHome(p pair) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.homes[p.name]
	if h == nil {
		return false
	}
	_, ok := h.at[p.address]
	return ok
}
