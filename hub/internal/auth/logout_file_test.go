package auth_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// A damaged file revives no ended session: all earlier sessions end.
func TestDamagedEndedFile(t *testing.T) {
	c := credstoretest.New(t, secrets)
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
		"too large":      change(func([]byte) []byte { return make([]byte, 32<<20+1) }),
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
			testutil.WriteFile(t, file, c.Content)
			synctest.Test(t, func(t *testing.T) {
				hub := newSite(t, file)
				gone, other := hub.login("anna", c.Anna), hub.login("otto", c.Otto)
				hub.Logout(home, gone)
				damage(t, endedsessions.FileFor(file))
				if name != "a link to it" { // the file's time is real, that of the test is not
					if err := os.Chtimes(endedsessions.FileFor(file), time.Now(), time.Now()); err != nil {
						t.Fatal(err)
					}
				}
				said := len(secrets.Text())
				hub = newSite(t, file)
				if hub.isGood(gone) || hub.isGood(other) {
					t.Error("a session of before is good")
				}
				if !strings.Contains(secrets.Text()[said:], "all sessions were ended") {
					t.Error("nothing is said")
				}
				later(2 * time.Second)
				again := hub.login("anna", c.Anna)
				hub.Logout(home, hub.login("otto", c.Otto)) // rewrites the file
				later(2 * time.Second)
				hub = newSite(t, file)
				if !hub.isGood(again) || hub.isGood(gone) || hub.isGood(other) {
					t.Error("after the file was rewritten")
				}
			})
		})
	}
}

// An incomplete last line from a killed hub does not count as damage.
func TestTornEndedFile(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		hub := newSite(t, c.Path)
		gone, stays := hub.login("anna", c.Anna), hub.login("otto", c.Otto)
		hub.Logout(home, gone)
		whole, err := os.ReadFile(endedsessions.FileFor(c.Path))
		if err != nil {
			t.Fatal(err)
		}
		hub.Logout(home, hub.login("root", c.Root))
		more, err := os.ReadFile(endedsessions.FileFor(c.Path))
		if err != nil {
			t.Fatal(err)
		}
		for n := len(whole); n < len(more); n++ {
			testutil.WriteFile(t, endedsessions.FileFor(c.Path), more[:n])
			hub = newSite(t, c.Path)
			if hub.isGood(gone) || !hub.isGood(stays) {
				t.Fatalf("%d bytes of the next line", n-len(whole))
			}
		}
		later(2 * time.Second)
		third := hub.login("anna", c.Anna)
		hub.Logout(home, third)
		if hub = newSite(t, c.Path); hub.isGood(third) || hub.isGood(gone) || !hub.isGood(stays) {
			t.Error("after the next logout")
		}
	})
}

// A logout takes effect even if the file cannot be written. The failure is logged once.
// The logout is written as soon as the file is writable again.
func TestEndedFileNotWritable(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		hub := newSite(t, c.Path)
		testutil.Run(t, hub.ended.Run)
		inTheWay := endedsessions.FileFor(c.Path) + ".lock"
		if err := os.Mkdir(inTheWay, 0o700); err != nil {
			t.Fatal(err)
		}
		said := len(secrets.Text())
		anna, otto := hub.login("anna", c.Anna), hub.login("otto", c.Otto)
		hub.Logout(home, anna)
		hub.Logout(home, otto)
		later(5 * time.Minute)
		if hub.isGood(anna) || hub.isGood(otto) {
			t.Error("the logout does not count")
		}
		if n := strings.Count(secrets.Text()[said:], "log-outs cannot be written"); n != 1 {
			t.Errorf("said %d times", n)
		}
		if err := os.Remove(inTheWay); err != nil {
			t.Fatal(err)
		}
		later(time.Minute + 2*time.Second)
		if hub = newSite(t, c.Path); hub.isGood(anna) || hub.isGood(otto) {
			t.Error("the logout was not written later")
		}
	})
}

// Two hubs with the same file on one disk follow each other and lose nothing when both write.
func TestEndedFileShared(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		a, b := newSite(t, c.Path), newSite(t, c.Path)
		testutil.Run(t, a.ended.Run)
		testutil.Run(t, b.ended.Run)
		var cookies []secret.Text
		for i := range 6 {
			cookie := a.login("anna", c.Anna)
			[]site{a, b}[i%2].Logout(home, cookie)
			cookies = append(cookies, cookie)
		}
		later(2 * time.Second)
		for i, hub := range []site{a, b, newSite(t, c.Path)} {
			for _, cookie := range cookies {
				if hub.isGood(cookie) {
					t.Errorf("hub %d knows a session that has ended", i)
				}
			}
		}
	})
}
