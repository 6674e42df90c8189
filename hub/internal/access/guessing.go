package access

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"
)

const (
	// freeAddresses is from how many addresses a user's password may be wrong before further ones have to wait: a
	// user has some devices.
	freeAddresses = 4

	// maxFailing bounds how many failing addresses are remembered of a name: with so many the wait is the longest.
	maxFailing = 16

	// maxTargets bounds how many names are remembered, and of how many users the addresses of their logins.
	maxTargets = 4096

	// maxHomes bounds how many addresses are remembered from which a user has logged in.
	maxHomes = 16

	// turnLife is how long an address may take its turn after it has waited. A person may be slow to type the
	// password again.
	turnLife = 10 * time.Minute

	// maxTurns bounds how many addresses wait for their turn.
	maxTurns = 1 << 16
)

// The reasons for a wait, as the person who waits reads them. None tells whether the user exists.
const (
	waitOfAddress = "too many wrong passwords from your address"
	waitOfPair    = "too many wrong passwords for this user from your address"
	waitOfName    = "too many wrong passwords for this user from several addresses"
)

// guesses decides who has to wait before another password is checked.
//
// An address that guesses is blocked for all names. A name that many addresses guess makes further addresses wait,
// each by a schedule of its own that nobody else can extend. Neither holds for a user at an address from which that
// user has logged in: that pair has a block of its own.
type guesses struct {
	addrs    *backoff // by AddressKey
	networks *backoff // by networkKey: who has an IPv6 /48 has 65,536 keys of AddressKey
	pairs    *backoff // a user at an address from which that user has logged in

	mu      sync.Mutex
	targets map[string]*target    // by name; guarded by mu
	turns   map[turnKey]int64     // when an address may try a name, if it has to wait, as Unix nanoseconds; guarded by mu
	homes   map[string]*addresses // from where a user has logged in, by name; guarded by mu
}

// pair is a name and the key of an address.
type pair struct{ name, address string }

func (p pair) String() string { return p.name + "\x00" + p.address }

// turnKey is a hash of a pair. There may be many turns, and names and addresses are long.
type turnKey [16]byte

func (p pair) turnKey() turnKey {
	sum := sha256.Sum256([]byte(p.String()))
	return turnKey(sum[:len(turnKey{})])
}

// target is a name whose password was wrong. Its addresses are those that failed.
type target struct{ failing addresses }

// addresses are the times of the last events by address key.
type addresses struct {
	last time.Time
	at   map[string]time.Time
}

// note remembers an event, and forgets the oldest one beyond limit.
func (a *addresses) note(key string, now time.Time, limit int) {
	if a.at == nil {
		a.at = make(map[string]time.Time)
	}
	a.last, a.at[key] = now, now
	if len(a.at) > limit {
		delete(a.at, oldest(a.at, func(t time.Time) time.Time { return t }))
	}
}

// oldest returns the key of the entry of the longest ago.
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

// wait returns nil if an address may try a name's password now. With take the turn that it waited for is used up.
func (g *guesses) wait(name, addr string, now time.Time, take bool) error {
	p := pair{clip(name), AddressKey(addr)}
	if g.isHome(p) {
		return waitError(g.pairs.wait(p.String(), now), waitOfPair)
	}
	blocked := g.addrs.wait(p.address, now)
	if network := networkKey(addr); network != "" {
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
	return &WaitError{After: after, Why: why}
}

// turn returns how long an address has to wait for its turn with a name. What others do meanwhile does not change it.
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

// turnDelay is how long an address waits for a name that so many addresses guess.
func turnDelay(failing int) time.Duration {
	over := failing - freeAddresses - 1
	if over < 0 {
		return 0
	}
	return min(maxWait, time.Second<<min(over, 10))
}

// failingLocked returns how many addresses have failed with a name lately.
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

// makeRoomLocked forgets turns that nobody took, and any one if all are waited for: with so many addresses at once
// most still get theirs.
func (g *guesses) makeRoomLocked(now time.Time) {
	if len(g.turns) < maxTurns {
		return
	}
	looked := 0
	for key, due := range g.turns { // in an order by chance
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
	p := pair{clip(name), AddressKey(addr)}
	g.addrs.failed(p.address, now)
	if network := networkKey(addr); network != "" {
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

// succeeded remembers from where a user has logged in. The failures of the address stay: others may have made them.
func (g *guesses) succeeded(name, addr string, now time.Time) {
	p := pair{clip(name), AddressKey(addr)}
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

// networkKey returns the IPv6 /48 of an address, which is one customer's, or "" for others.
func networkKey(addr string) string {
	ip, err := netip.ParseAddr(addr)
	if err != nil || ip.Unmap().Is4() {
		return ""
	}
	network, err := ip.WithZone("").Prefix(48)
	if err != nil {
		return ""
	}
	return network.String()
}
