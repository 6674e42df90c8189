package access

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// later lets time go by in a bubble, and everything that is due then happen.
func later(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestReload(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		k := c.keeper(t)
		told := []int{}
		k.OnChange(func(b *Snapshot) {
			if b != k.Snapshot() {
				t.Error("the listener is told of another book than there is")
			}
			told = append(told, len(b.Users()))
		})
		testutil.Run(t, k.Run)
		expect := func(what string, users int, tellings ...int) {
			t.Helper()
			later(2 * lookInterval)
			if n := len(k.Snapshot().Users()); n != users || !slices.Equal(told, tellings) {
				t.Errorf("%s: %d users, told %v; want %d, %v", what, n, told, users, tellings)
			}
		}
		expect("nothing happens", 4)
		edit(t, c.file, func(d *File) error { return d.RemoveUser("otto") })
		expect("a change", 3, 3)
		good, err := os.ReadFile(c.file)
		if err != nil {
			t.Fatal(err)
		}
		write := func(data []byte) {
			if err := os.WriteFile(c.file, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		said := len(ledger.said())
		write([]byte("{"))
		later(10 * lookInterval)
		expect("a broken file", 3, 3)
		if n := strings.Count(ledger.said()[said:], "cannot be used"); n != 1 {
			t.Errorf("the broken file was told of %d times", n)
		}
		write(good)
		expect("it is good again", 3, 3, 3)
		if err := os.Chmod(c.file, 0o644); err != nil {
			t.Fatal(err)
		}
		expect("everybody may read it", 3, 3, 3)
		if err := os.Remove(c.file); err != nil {
			t.Fatal(err)
		}
		said = len(ledger.said())
		later(10 * lookInterval)
		expect("it is gone: nobody is let in for that", 3, 3, 3)
		if n := strings.Count(ledger.said()[said:], "is gone"); n != 1 {
			t.Errorf("the absent file was told of %d times", n)
		}
		write(good)
		edit(t, c.file, func(d *File) error { return d.RemoveUser("anna") })
		expect("it is back", 2, 3, 3, 2)
	})
}

// A change is told in the log, by whom it concerns.
func TestChangesAreAudited(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		k := c.keeper(t)
		testutil.Run(t, k.Run)
		for _, step := range []struct {
			change func(*File) error
			says   []string
		}{
			{func(d *File) error { return d.AddUser("new", Operator, []string{"x-*"}, c.annaPw) }, []string{"audit=user.add", "name=new", "role=operator", "x-*"}},
			{func(d *File) error { return d.SetPassword("new", c.ottoPw) }, []string{"audit=user.change", "name=new"}},
			{func(d *File) error { return d.RemoveUser("new") }, []string{"audit=user.remove", "name=new"}},
			{func(d *File) error { return d.RemoveToken(c.tokenID) }, []string{"audit=token.remove", "name=" + c.tokenID, "owner=anna"}},
			{func(d *File) error { return d.RemoveAgent("porch") }, []string{"audit=agent.remove", "name=porch"}},
			{func(d *File) error { _, err := d.AddConsumer("c2", []string{"*"}); return err }, []string{"audit=consumer.add", "name=c2"}},
			{func(d *File) error { d.RenewLinkKey(); return nil }, []string{"audit=key.change"}},
		} {
			before := len(ledger.said())
			edit(t, c.file, step.change)
			later(2 * lookInterval)
			line := ledger.said()[before:]
			for _, part := range step.says {
				if !strings.Contains(line, part) || strings.Count(line, "audit=") != 1 {
					t.Errorf("said %q, want %q", line, part)
				}
			}
		}
	})
}

func TestNoFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, err := OpenStore("", testLog())
		if err != nil {
			t.Fatal(err)
		}
		testutil.Run(t, k.Run)
		later(time.Minute)
		if !k.Snapshot().Empty() {
			t.Error("somebody is in it")
		}
	})
}
