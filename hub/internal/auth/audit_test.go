package auth_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// Each login, refusal and logout has an audit line; those who do not give up do not fill the log.
func TestAudit(t *testing.T) {
	c := credstoretest.New(t, secrets)
	wrong := secrets.Hide("password", "a wrong guess of it")
	synctest.Test(t, func(t *testing.T) {
		k := credstoretest.Open(t, c.Path, secrets)
		d := newAuthenticator(k)
		link, err := signedlink.Sign(k.Snapshot().LinkKey(), signedlink.Link{Camera: "porch", Formats: []string{"jpeg"},
			Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		secrets.Hide("link", link.Reveal())
		var cookie session.Cookie
		for _, step := range []struct {
			do    func() error
			says  []string
			lines int
		}{
			{func() (err error) { _, cookie, err = d.Login(t.Context(), home, "anna", c.Anna); return err },
				[]string{"audit=login", "user=anna", home}, 1},
			{func() error { d.Logout(home, cookie.Value); return nil }, []string{"audit=logout", "user=anna"}, 1},
			{func() error {
				_, _, _ = d.Session(home, cookie.Value)
				_, _, _ = d.Session(home, cookie.Value)
				return nil
			}, []string{"audit=refused", "by=session", "logout"}, 2},
			{func() error { _, err := d.Token(home, c.Token); return err }, []string{"audit=token", "user=anna"}, 1},
			{func() error {
				for range 1000 {
					if _, err := d.Token(abroad, c.OldToken); !errors.Is(err, auth.ErrUnauthenticated) {
						return err
					}
				}
				return nil
			}, []string{"audit=refused", "by=token", "disabled", abroad}, 5},
			{func() error { _, err := d.Link(home, "porch", link); return err }, nil, 0},
			{func() error { _, _ = d.Link("203.0.113.8", "garden", link); return nil },
				[]string{"audit=refused", "by=link", "camera=garden", "not signed"}, 1},
			{func() error { _, _ = d.Password(t.Context(), "203.0.113.9", "anna", wrong); return nil },
				[]string{"audit=refused", "by=password", "user=anna", "203.0.113.9"}, 1},
			{func() error {
				_, _ = d.Password(t.Context(), "203.0.113.9", wrong.Reveal()[:0]+"evil\nname", wrong)
				return nil
			}, []string{"audit=refused", `user="evil\nname"`}, 1},
			{func() error { _, err := d.Password(t.Context(), home, "otto", c.Otto); return err },
				[]string{"audit=basic", "user=otto"}, 1},
		} {
			before := len(secrets.Text())
			if err := step.do(); err != nil {
				t.Errorf("%v: %v", step.says, err)
			}
			said := secrets.Text()[before:]
			if n := strings.Count(said, "audit="); n != step.lines {
				t.Errorf("%d lines, want %d: %s", n, step.lines, said)
			}
			for _, part := range step.says {
				if !strings.Contains(said, part) {
					t.Errorf("said %q, want %q", said, part)
				}
			}
		}
	})
}

// An attacker who is refused 2,000 times cannot hide the use of a valid token from a new address.
// They cannot hide the refusal of another client either. Their suppressed refusals are logged as a number.
func TestAuditIsNotBlinded(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
		testutil.Run(t, d.Run)
		before := len(secrets.Text())
		for i := range 2000 {
			id := fmt.Sprintf("%c%c%caaaaa", 'a'+i%26, 'a'+i/26%26, 'a'+i/676)
			bogus := "bt_" + id + "_" + strings.Repeat("b", 52)
			if _, err := d.Token(abroad, secret.Text(secrets.Hide("token", bogus))); !errors.Is(err, auth.ErrUnauthenticated) {
				t.Fatal(err)
			}
		}
		flood := secrets.Text()[before:]
		if n := strings.Count(flood, "audit="); n != 5 {
			t.Errorf("%d lines about one stranger", n)
		}
		before = len(secrets.Text())
		if _, err := d.Token("10.66.66.66", c.Token); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Token("10.77.77.77", c.OldToken); err == nil {
			t.Fatal("the token of a disabled user is accepted")
		}
		if _, _, err := d.Session("10.88.88.88", "AAAA.BBBB"); err == nil {
			t.Fatal("a session without a user is accepted")
		}
		later(time.Minute)
		said := secrets.Text()[before:]
		for _, part := range []string{"audit=token user=anna address=10.66.66.66", "address=10.77.77.77",
			"address=10.88.88.88", "audit=suppressed address=" + abroad + " lines=1995"} {
			if strings.Count(said, part) != 1 {
				t.Errorf("%q is not said once in %s", part, said)
			}
		}
	})
}
