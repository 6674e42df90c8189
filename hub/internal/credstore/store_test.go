package credstore_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestReload(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		k := credstoretest.Open(t, c.Path, secrets)
		told := []int{}
		k.OnChange(func(b *credstore.Snapshot) {
			if b != k.Snapshot() {
				t.Error("the listener is told of another book than there is")
			}
			told = append(told, len(b.Users()))
		})
		testutil.Run(t, k.Run)
		expect := func(what string, users int, tellings ...int) {
			t.Helper()
			later(2 * time.Second)
			if n := len(k.Snapshot().Users()); n != users || !slices.Equal(told, tellings) {
				t.Errorf("%s: %d users, told %v; want %d, %v", what, n, told, users, tellings)
			}
		}
		expect("nothing happens", 4)
		credstoretest.Edit(t, c.Path, func(d *credstore.File) error { return d.RemoveUser("otto") })
		expect("a change", 3, 3)
		good, err := os.ReadFile(c.Path)
		if err != nil {
			t.Fatal(err)
		}
		write := func(data []byte) {
			if err := os.WriteFile(c.Path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		said := len(secrets.Text())
		write([]byte("{"))
		later(10 * time.Second)
		expect("a broken file", 3, 3)
		if n := strings.Count(secrets.Text()[said:], "cannot be used"); n != 1 {
			t.Errorf("the broken file was told of %d times", n)
		}
		write(good)
		expect("it is good again", 3, 3, 3)
		if err := os.Chmod(c.Path, 0o644); err != nil {
			t.Fatal(err)
		}
		expect("other users may read it", 3, 3, 3)
		if err := os.Remove(c.Path); err != nil {
			t.Fatal(err)
		}
		said = len(secrets.Text())
		later(10 * time.Second)
		expect("it is gone: that opens nothing", 3, 3, 3)
		if n := strings.Count(secrets.Text()[said:], "is gone"); n != 1 {
			t.Errorf("the absent file was told of %d times", n)
		}
		write(good)
		credstoretest.Edit(t, c.Path, func(d *credstore.File) error { return d.RemoveUser("anna") })
		expect("it is back", 2, 3, 3, 2)
	})
}

// The log names the user or agent that a change concerns.
func TestChangesAreAudited(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		k := credstoretest.Open(t, c.Path, secrets)
		testutil.Run(t, k.Run)
		for _, step := range []struct {
			change func(*credstore.File) error
			says   []string
		}{
			{func(d *credstore.File) error { return d.AddUser("new", permission.Operator, []string{"x-*"}, c.Anna) },
				[]string{"audit=user.add", "name=new", "role=operator", "x-*"}},
			{func(d *credstore.File) error { return d.SetPassword("new", c.Otto) }, []string{"audit=user.change", "name=new"}},
			{func(d *credstore.File) error { return d.RemoveUser("new") }, []string{"audit=user.remove", "name=new"}},
			{func(d *credstore.File) error { return d.RemoveToken(c.TokenID) },
				[]string{"audit=token.remove", "name=" + c.TokenID, "owner=anna"}},
			{func(d *credstore.File) error { return d.RemoveAgent("porch") }, []string{"audit=agent.remove", "name=porch"}},
			{func(d *credstore.File) error { _, err := d.AddConsumer("c2", []string{"*"}); return err },
				[]string{"audit=consumer.add", "name=c2"}},
			{func(d *credstore.File) error { d.RenewLinkKey(); return nil }, []string{"audit=key.change"}},
		} {
			before := len(secrets.Text())
			credstoretest.Edit(t, c.Path, step.change)
			later(2 * time.Second)
			line := secrets.Text()[before:]
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
		k, err := credstore.Open("", secrets.Logger())
		if err != nil {
			t.Fatal(err)
		}
		testutil.Run(t, k.Run)
		later(time.Minute)
		if !k.Snapshot().Empty() {
			t.Error("it has a user")
		}
	})
}
