package access

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// site is a hub's credentials with a Door, as after a start of the hub.
// It is never closed: a new site is like a restart after kill -9.
type site struct {
	t *testing.T
	*Authenticator
}

func newSite(t *testing.T, file string) site {
	t.Helper()
	k, err := OpenStore(file, testLog())
	if err != nil {
		t.Fatal(err)
	}
	return site{t, NewAuthenticator(k, testLog())}
}

func (s site) login(name string, password secret.Text) secret.Text {
	s.t.Helper()
	_, cookie, err := s.Login(s.t.Context(), home, name, password)
	if err != nil {
		s.t.Fatal(err)
	}
	return ledger.hide("cookie", cookie.Value.Reveal())
}

func (s site) isGood(cookie secret.Text) bool {
	p, _, err := s.Session(home, cookie)
	return err == nil && p.HasRole(Viewer)
}

// A hub that is killed just after it has answered a logout does not accept the session after its restart.
func TestLogoutSurvivesRestart(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		hub := newSite(t, c.file)
		gone, stays := hub.login("anna", c.annaPw), hub.login("anna", c.annaPw)
		later(sessionRenew)
		_, renewed, err := hub.Session(home, gone)
		if err != nil || renewed == nil {
			t.Fatal(renewed, err)
		}
		hub.Logout(home, gone)
		for range 3 {
			hub = newSite(t, c.file)
			if hub.isGood(gone) || hub.isGood(renewed.Value) {
				t.Fatal("the session is back after a restart")
			}
			if !hub.isGood(stays) {
				t.Error("the other session is gone")
			}
			hub.Logout(home, gone) // once more, which writes nothing
		}
		info, err := os.Stat(endedFileOf(c.file))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
	})
}

// A viewer who logs in and out thousands of times ends no other user's session, and only older ones of their own.
func TestManyLogouts(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		hub := newSite(t, c.file)
		b, s := load(t, c.file), hub.sessions
		begin := func(name string) secret.Text {
			t.Helper()
			u, _ := b.user(name)
			cookie, err := s.begin(b, u, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return cookie.Value
		}
		otto, first := begin("otto"), begin("anna")
		later(time.Second)
		var all []secret.Text
		for i := range 4096 + 2 {
			if i%16 == 0 {
				later(time.Second)
			}
			all = append(all, begin("anna"))
		}
		last := begin("anna")
		for _, i := range rand.Perm(len(all)) {
			s.past.set.add(ended(t, b, all[i])) // without the file, which would be slow
		}
		hub.Logout(home, all[0])
		check := func(hub site) {
			t.Helper()
			for i, cookie := range all {
				if hub.isGood(cookie) {
					t.Fatalf("session %d has ended, and is good", i)
				}
			}
			if !hub.isGood(otto) {
				t.Error("another user's session ended")
			}
			if !hub.isGood(last) {
				t.Error("the newest session of the user ended")
			}
			if hub.isGood(first) {
				t.Error("the oldest session should have ended: there is room for as many as are remembered only")
			}
		}
		check(hub)
		s.past.file.anew = true
		s.past.commit(time.Now())
		check(newSite(t, c.file))
		if n := s.past.set.count; n > maxEndedOfUser+1 {
			t.Errorf("%d are remembered", n)
		}
	})
}

// ended returns the record of an ended session.
func ended(t *testing.T, b *Snapshot, cookie secret.Text) EndedSession {
	t.Helper()
	c, err := b.readCookie(cookie)
	if err != nil {
		t.Fatal(err)
	}
	return c.past()
}

// An external person is not the user of the same name. An unusual name does not damage the file.
func TestLogoutsFromElsewhere(t *testing.T) {
	id := strings.Repeat("0", 2*sessionIDSize)
	names := map[string]bool{}
	for _, c := range []session{
		{User: "anna"}, {User: "anna", Method: MethodOIDC}, {User: "oidc:anna"}, {User: "\x00\n", Method: MethodOIDC},
		{User: strings.Repeat("ä", 500), Method: MethodOIDC}, {User: "\xff", Method: MethodOIDC}, {User: "", Method: MethodOIDC},
	} {
		c.ID, c.Login = id, 1000
		e := c.past()
		if err := e.Validate(); err != nil || names[e.User] && c.Method != "" {
			t.Errorf("%+v: %v", e, err)
		}
		names[e.User] = true
		line, err := endedLine(e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parseEndedLine(strings.TrimSuffix(string(line), "\n")); got != e || err != nil {
			t.Errorf("%+v, %v, want %+v", got, err, e)
		}
	}
}

// A damaged file revives no ended session: all earlier sessions end.
func TestDamagedEndedFile(t *testing.T) {
	c := newCast(t)
	change := func(f func([]byte) []byte) func(*testing.T, string) {
		return func(t *testing.T, name string) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			testutil.WriteFile(t, name, f(data))
		}
	}
	for name, damage := range map[string]func(*testing.T, string){
		"empty":          change(func([]byte) []byte { return nil }),
		"half a header":  change(func(data []byte) []byte { return data[:10] }),
		"another header": change(func(data []byte) []byte { return append([]byte("x"), data...) }),
		"a flipped bit":  change(func(data []byte) []byte { data[len(data)-9] ^= 1; return data }),
		"a lost byte":    change(func(data []byte) []byte { return append(data[:40:40], data[41:]...) }),
		"zeros":          change(func(data []byte) []byte { clear(data); return data }),
		"an empty line":  change(func(data []byte) []byte { return append(data, "\n\n"...) }),
		"too large":      change(func([]byte) []byte { return make([]byte, maxEndedFile+1) }),
		"a directory": func(t *testing.T, name string) {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(name, 0o700); err != nil {
				t.Fatal(err)
			}
		},
		"a link to it": func(t *testing.T, name string) {
			if err := os.Rename(name, name+".other"); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(name+".other", name); err != nil {
				t.Fatal(err)
			}
			now := []unix.Timeval{unix.NsecToTimeval(time.Now().UnixNano()), unix.NsecToTimeval(time.Now().UnixNano())}
			if err := unix.Lutimes(name, now); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "credentials.json")
			testutil.WriteFile(t, file, c.content)
			synctest.Test(t, func(t *testing.T) {
				hub := newSite(t, file)
				gone, other := hub.login("anna", c.annaPw), hub.login("otto", c.ottoPw)
				hub.Logout(home, gone)
				damage(t, endedFileOf(file))
				if name != "a link to it" { // the file's time is real, that of the test is not
					if err := os.Chtimes(endedFileOf(file), time.Now(), time.Now()); err != nil {
						t.Fatal(err)
					}
				}
				said := len(ledger.said())
				hub = newSite(t, file)
				if hub.isGood(gone) || hub.isGood(other) {
					t.Error("a session of before is good")
				}
				if !strings.Contains(ledger.said()[said:], "all sessions were ended") {
					t.Error("nothing is said")
				}
				later(2 * time.Second)
				again := hub.login("anna", c.annaPw)
				hub.Logout(home, hub.login("otto", c.ottoPw)) // rewrites the file
				later(2 * time.Second)
				hub = newSite(t, file)
				if !hub.isGood(again) || hub.isGood(gone) || hub.isGood(other) {
					t.Error("after the file was written anew")
				}
			})
		})
	}
}

// A host without a battery-backed clock starts in the past, perhaps after a power cut that has damaged the file.
func TestDamagedEndedFileClockBehind(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		hub := newSite(t, c.file)
		later(time.Hour)
		gone := hub.login("anna", c.annaPw)
		hub.Logout(home, gone)
		testutil.WriteFile(t, endedFileOf(c.file), nil)
		if err := os.Chtimes(endedFileOf(c.file), time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
		past := newEndedSessions(c.file, testLog(), time.Now().Add(-time.Hour))
		if !past.has(ended(t, load(t, c.file), gone)) {
			t.Error("a session returns")
		}
	})
}

// An incomplete last line from a killed hub does not count as damage.
func TestTornEndedFile(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		hub := newSite(t, c.file)
		gone, stays := hub.login("anna", c.annaPw), hub.login("otto", c.ottoPw)
		hub.Logout(home, gone)
		whole, err := os.ReadFile(endedFileOf(c.file))
		if err != nil {
			t.Fatal(err)
		}
		hub.Logout(home, hub.login("root", c.adminPw))
		more, err := os.ReadFile(endedFileOf(c.file))
		if err != nil {
			t.Fatal(err)
		}
		for n := len(whole); n < len(more); n++ {
			testutil.WriteFile(t, endedFileOf(c.file), more[:n])
			hub = newSite(t, c.file)
			if hub.isGood(gone) || !hub.isGood(stays) {
				t.Fatalf("%d bytes of the next line", n-len(whole))
			}
		}
		later(2 * time.Second)
		third := hub.login("anna", c.annaPw)
		hub.Logout(home, third)
		if hub = newSite(t, c.file); hub.isGood(third) || hub.isGood(gone) || !hub.isGood(stays) {
			t.Error("after the next logout")
		}
	})
}

// A logout takes effect even if the file cannot be written. The failure is logged once.
// The logout is written as soon as the file is writable again.
func TestEndedFileNotWritable(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		hub := newSite(t, c.file)
		testutil.Run(t, hub.store.Run)
		inTheWay := endedFileOf(c.file) + ".lock"
		if err := os.Mkdir(inTheWay, 0o700); err != nil {
			t.Fatal(err)
		}
		said := len(ledger.said())
		anna, otto := hub.login("anna", c.annaPw), hub.login("otto", c.ottoPw)
		hub.Logout(home, anna)
		hub.Logout(home, otto)
		later(5 * retryInterval)
		if hub.isGood(anna) || hub.isGood(otto) {
			t.Error("the logout does not count")
		}
		if n := strings.Count(ledger.said()[said:], "log-outs cannot be written"); n != 1 {
			t.Errorf("said %d times", n)
		}
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		later(retryInterval + 2*lookInterval)
		if hub = newSite(t, c.file); hub.isGood(anna) || hub.isGood(otto) {
			t.Error("the logout was not written later")
		}
	})
}

// Two hubs with the same file on one disk follow each other and lose nothing when both write.
func TestEndedFileShared(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		a, b := newSite(t, c.file), newSite(t, c.file)
		testutil.Run(t, a.store.Run)
		testutil.Run(t, b.store.Run)
		var cookies []secret.Text
		for i := range 6 {
			cookie := a.login("anna", c.annaPw)
			[]site{a, b}[i%2].Logout(home, cookie)
			cookies = append(cookies, cookie)
		}
		later(2 * lookInterval)
		for i, hub := range []site{a, b, newSite(t, c.file)} {
			for _, cookie := range cookies {
				if hub.isGood(cookie) {
					t.Errorf("hub %d knows a session that has ended", i)
				}
			}
		}
	})
}
