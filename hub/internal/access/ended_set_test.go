package access

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// No sequence of operations revives a session. Hubs that exchange all their entries agree.
func TestEndedSetNeverForgets(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, seed))
	begin := time.Unix(1_800_000_000, 0)
	for range 20 {
		a, b := newEndedSet(), newEndedSet()
		now := begin
		var all []EndedSession
		for i := range 3000 {
			e := EndedSession{
				User: fmt.Sprint("user", r.IntN(4)), ID: fmt.Sprintf("%032x", i),
				Login: now.Add(-time.Duration(r.Int64N(int64(sessionMax)))).Unix(),
			}
			all = append(all, e)
			[]*endedSet{a, b}[r.IntN(2)].add(e)
			if r.IntN(500) == 0 {
				now = now.Add(time.Duration(r.Int64N(int64(sessionMax / 4))))
				a.prune(now)
			}
		}
		any := func(int) bool { return true }
		for range 2 {
			for _, e := range a.list(any) {
				b.add(e)
			}
			for _, e := range b.list(any) {
				a.add(e)
			}
		}
		for _, e := range all {
			if !a.has(e.User, e.ID, e.Login) || !b.has(e.User, e.ID, e.Login) {
				t.Fatalf("seed %d: %v is forgotten", seed, e)
			}
		}
		if a.digests() != b.digests() {
			t.Fatalf("seed %d: the sets differ: %d and %d", seed, a.count, b.count)
		}
		if n := len(a.list(any)); n > 5*(maxEndedOfUser+1) {
			t.Errorf("%d entries", n)
		}
	}
}

// Memory is bounded for any number of users. Users with few log-outs are affected last.
func TestEndedSetIsBounded(t *testing.T) {
	s := newEndedSet()
	s.add(EndedSession{"rare", strings.Repeat("0", 32), 1000})
	for i := range 200 * maxEndedOfUser {
		s.add(EndedSession{fmt.Sprint("user", i%200), fmt.Sprintf("%032x", i+1), int64(2000 + i)})
	}
	if s.count > maxEnded || s.floor != 0 || s.has("rare", "", 999) {
		t.Errorf("%d entries, floor %d", s.count, s.floor)
	}
	for i := range 2 * maxEnded {
		s.add(EndedSession{User: fmt.Sprint("floor", i), Login: int64(100 + i)})
	}
	if s.count > maxEnded || !s.has("floor5", "", 104) || !s.has("rare", strings.Repeat("0", 32), 1000) {
		t.Errorf("%d entries, floor %d", s.count, s.floor)
	}
	for _, e := range []EndedSession{
		{}, {"anna", "x", 5}, {"", strings.Repeat("0", 32), 5}, {"a\nb", "", 5}, {"anna", "", -5},
		{strings.Repeat("a", 999), "", 5},
	} {
		if e.Validate() == nil {
			t.Errorf("%+v is taken", e)
		}
	}
}
