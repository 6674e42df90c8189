package endedsessions

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// No sequence of operations revives a session. Hubs that exchange all their entries agree.
func TestEndedSetNeverForgets(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, seed))
	begin := time.Unix(1_800_000_000, 0)
	for range 20 {
		a, b := newSet(), newSet()
		now := begin
		var all []Entry
		for i := range 3000 {
			e := Entry{
				User: fmt.Sprint("user", r.IntN(4)), ID: fmt.Sprintf("%032x", i),
				Login: now.Add(-time.Duration(r.Int64N(int64(session.MaxLife)))).Unix(),
			}
			all = append(all, e)
			[]*set{a, b}[r.IntN(2)].add(e)
			if r.IntN(500) == 0 {
				now = now.Add(time.Duration(r.Int64N(int64(session.MaxLife / 4))))
				a.prune(now)
			}
		}
		every := func(int) bool { return true }
		for range 2 {
			for _, e := range a.list(every) {
				b.add(e)
			}
			for _, e := range b.list(every) {
				a.add(e)
			}
		}
		for _, e := range all {
			if !a.contains(e.User, e.ID, e.Login) || !b.contains(e.User, e.ID, e.Login) {
				t.Fatalf("seed %d: %v is forgotten", seed, e)
			}
		}
		if a.digests() != b.digests() {
			t.Fatalf("seed %d: the sets differ: %d and %d", seed, a.count, b.count)
		}
		if n := len(a.list(every)); n > 5*(maxPerUser+1) {
			t.Errorf("%d entries", n)
		}
	}
}

// Memory is bounded for any number of users. Users with few log-outs are affected last.
func TestEndedSetIsBounded(t *testing.T) {
	s := newSet()
	s.add(Entry{"rare", strings.Repeat("0", 32), 1000})
	for i := range 200 * maxPerUser {
		s.add(Entry{fmt.Sprint("user", i%200), fmt.Sprintf("%032x", i+1), int64(2000 + i)})
	}
	if s.count > maxEntries || s.floor != 0 || s.contains("rare", "", 999) {
		t.Errorf("%d entries, floor %d", s.count, s.floor)
	}
	for i := range 2 * maxEntries {
		s.add(Entry{User: fmt.Sprint("floor", i), Login: int64(100 + i)})
	}
	if s.count > maxEntries || !s.contains("floor5", "", 104) || !s.contains("rare", strings.Repeat("0", 32), 1000) {
		t.Errorf("%d entries, floor %d", s.count, s.floor)
	}
	for _, e := range []Entry{
		{}, {"anna", "x", 5}, {"", strings.Repeat("0", 32), 5}, {"a\nb", "", 5}, {"anna", "", -5},
		{strings.Repeat("a", 999), "", 5},
	} {
		if e.Validate() == nil {
			t.Errorf("%+v is taken", e)
		}
	}
}

// An external person is not the user of the same name. An unusual name does not damage the file.
func TestLogoutsFromElsewhere(t *testing.T) {
	id := strings.Repeat("0", 2*session.IDSize)
	names := map[string]bool{}
	for _, c := range []session.Session{
		{User: "anna"}, {User: "anna", Method: "oidc"}, {User: "oidc:anna"}, {User: "\x00\n", Method: "oidc"},
		{User: strings.Repeat("ä", 500), Method: "oidc"}, {User: "\xff", Method: "oidc"}, {User: "", Method: "oidc"},
	} {
		c.ID, c.Login = id, 1000
		e := Of(c)
		if err := e.Validate(); err != nil || names[e.User] && c.Method != "" {
			t.Errorf("%+v: %v", e, err)
		}
		names[e.User] = true
		line, err := encodeLine(e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseLine(strings.TrimSuffix(string(line), "\n")); got != e || err != nil {
			t.Errorf("%+v, %v, want %+v", got, err, e)
		}
	}
}

// A host without a battery-backed clock starts in the past, perhaps after a power cut that has damaged the file.
func TestDamagedFileClockBehind(t *testing.T) {
	credentials := filepath.Join(t.TempDir(), "credentials.json")
	synctest.Test(t, func(t *testing.T) {
		log := slog.New(slog.DiscardHandler)
		now := time.Now()
		e := Entry{"anna", strings.Repeat("0", 2*session.IDSize), now.Unix()}
		Open(credentials, log).End(e)
		testutil.WriteFile(t, FileFor(credentials), nil)
		if err := os.Chtimes(FileFor(credentials), now, now); err != nil {
			t.Fatal(err)
		}
		if !open(credentials, log, now.Add(-time.Hour)).Contains(e) {
			t.Error("a session returns")
		}
	})
}
