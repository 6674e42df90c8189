package access

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
)

const home, abroad = "192.0.2.1", "203.0.113.7"

func TestLogin(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		d := NewAuthenticator(c.keeper(t), testLog())
		if d.AuthDisabled() {
			t.Error("nobody is asked")
		}
		p, cookie, err := d.Login(t.Context(), home, "anna", c.annaPw)
		if err != nil || p.Name != "anna" || p.Role != Viewer {
			t.Fatalf("%+v, %v", p, err)
		}
		ledger.hide("cookie", cookie.Value.Reveal())
		if got, renewed, err := d.Session(home, cookie.Value); err != nil || got.Name != "anna" || got.Method != MethodSession || renewed != nil {
			t.Errorf("%+v, %v, %v", got, renewed, err)
		}
		for name, password := range map[string]secret.Text{"anna": c.ottoPw, "nobody": c.annaPw, "gone": c.goneUsr, "": ""} {
			if _, _, err := d.Login(t.Context(), home, name, password); !errors.Is(err, ErrUnauthenticated) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, _, err := d.Login(t.Context(), home, "root", c.adminPw); err != nil {
			t.Error(err)
		}
	})
}

// A program that sends its password with each request is not slowed down, and a change of the password counts at once.
func TestBasic(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		k := c.keeper(t)
		testutil.Run(t, k.Run)
		d := NewAuthenticator(k, testLog())
		begin := time.Now()
		for range 10_000 { // each would take 19 MiB and some milliseconds
			if p, err := d.Password(t.Context(), home, "otto", c.ottoPw); err != nil || p.Name != "otto" || p.Method != MethodPassword {
				t.Fatal(err)
			}
		}
		if time.Since(begin) != 0 {
			t.Error("time went by")
		}
		for i := range 2 * maxBasic {
			d.remember(d.mac(User{Name: fmt.Sprint(i)}, ""), time.Now())
		}
		if len(d.known) > maxBasic {
			t.Errorf("%d passwords are remembered", len(d.known))
		}
		if _, err := d.Password(t.Context(), home, "otto", c.ottoPw); err != nil {
			t.Error(err)
		}
		edit(t, c.file, func(doc *File) error { return doc.SetPassword("otto", c.annaPw) })
		later(2 * lookInterval)
		if _, err := d.Password(t.Context(), home, "otto", c.ottoPw); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("the old password: %v", err)
		}
		if _, err := d.Password(t.Context(), home, "otto", c.annaPw); err != nil {
			t.Errorf("the new password: %v", err)
		}
	})
}

func TestSessions(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		k := c.keeper(t)
		testutil.Run(t, k.Run)
		d := NewAuthenticator(k, testLog())
		login := func(name string, password secret.Text) Cookie {
			t.Helper()
			_, cookie, err := d.Login(t.Context(), home, name, password)
			if err != nil {
				t.Fatal(err)
			}
			ledger.hide("cookie", cookie.Value.Reveal())
			return cookie
		}
		good := func(what string, cookie Cookie, want bool) (renewed *Cookie) {
			t.Helper()
			p, renewed, err := d.Session(home, cookie.Value)
			if (err == nil) != want || (err != nil && (!errors.Is(err, ErrUnauthenticated) || p.HasRole(Viewer) || renewed != nil)) {
				t.Errorf("%s: %+v, %v", what, p, err)
			}
			return renewed
		}
		anna, phone, otto := login("anna", c.annaPw), login("anna", c.annaPw), login("otto", c.ottoPw)
		if anna.Value == phone.Value {
			t.Error("two logins have one session")
		}
		later(sessionRenew)
		renewed := good("after an hour", anna, true)
		if renewed == nil || !renewed.Expires.After(anna.Expires) {
			t.Fatalf("not renewed: %v", renewed)
		}
		good("the new cookie", *renewed, true)
		good("the old one, which requests on their way still carry", anna, true)
		d.Logout(home, renewed.Value)
		good("after the logout", *renewed, false)
		good("its older cookie", anna, false)
		good("the other session", phone, true)
		edit(t, c.file, func(doc *File) error { return doc.SetUser("anna", Operator, nil, nil) })
		later(2 * lookInterval)
		good("with another role", phone, false)
		good("somebody else", otto, true)
		root := login("root", c.adminPw)
		later(SessionLife)
		good("after a day", root, false)
		for name, value := range map[string]string{"nothing": "", "a dot": ".", "no signature": strings.Split(otto.Value.Reveal(), ".")[0], "long": strings.Repeat("a", 2000) + "."} {
			good(name, Cookie{Value: secret.Text(value)}, false)
		}
	})
}

// A session that is in use is renewed, but not for ever.
func TestLongSession(t *testing.T) {
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		d := NewAuthenticator(c.keeper(t), testLog())
		_, cookie, err := d.Login(t.Context(), home, "anna", c.annaPw)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(sessionMax); time.Now().Before(end); later(sessionRenew) {
			_, next, err := d.Session(home, cookie.Value)
			if err != nil {
				t.Fatal(err)
			}
			if next != nil {
				cookie = *next
			}
			if cookie.Expires.After(end) {
				t.Fatalf("good until %v, longer than %v", cookie.Expires, end)
			}
		}
		if _, _, err := d.Session(home, cookie.Value); err == nil {
			t.Error("it goes on for ever")
		}
	})
}

// Each login, refusal and logout has an audit line; those who do not give up do not fill the log.
func TestAudit(t *testing.T) {
	c := newCast(t)
	wrong := ledger.hide("password", "a wrong guess of it")
	synctest.Test(t, func(t *testing.T) {
		k := c.keeper(t)
		d := NewAuthenticator(k, testLog())
		link, err := k.Snapshot().Sign(Link{"porch", []string{"jpeg"}, time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		ledger.hide("link", link.Reveal())
		var cookie Cookie
		for _, step := range []struct {
			do    func() error
			says  []string
			lines int
		}{
			{func() (err error) { _, cookie, err = d.Login(t.Context(), home, "anna", c.annaPw); return err }, []string{"audit=login", "user=anna", home}, 1},
			{func() error { d.Logout(home, cookie.Value); return nil }, []string{"audit=logout", "user=anna"}, 1},
			{func() error {
				_, _, _ = d.Session(home, cookie.Value)
				_, _, _ = d.Session(home, cookie.Value)
				return nil
			}, []string{"audit=refused", "by=session", "logout"}, 2},
			{func() error { _, err := d.Token(home, c.token); return err }, []string{"audit=token", "user=anna"}, 1},
			{func() error {
				for range 1000 {
					if _, err := d.Token(abroad, c.oldToken); !errors.Is(err, ErrUnauthenticated) {
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
			{func() error { _, err := d.Password(t.Context(), home, "otto", c.ottoPw); return err }, []string{"audit=basic", "user=otto"}, 1},
		} {
			before := len(ledger.said())
			if err := step.do(); err != nil {
				t.Errorf("%v: %v", step.says, err)
			}
			said := ledger.said()[before:]
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
	c := newCast(t)
	synctest.Test(t, func(t *testing.T) {
		d := NewAuthenticator(c.keeper(t), testLog())
		testutil.Run(t, d.Run)
		before := len(ledger.said())
		for i := range 2000 {
			id := fmt.Sprintf("%c%c%caaaaa", 'a'+i%26, 'a'+i/26%26, 'a'+i/676)
			bogus := "bt_" + id + "_" + strings.Repeat("b", 52)
			if _, err := d.Token(abroad, secret.Text(ledger.hide("token", bogus))); !errors.Is(err, ErrUnauthenticated) {
				t.Fatal(err)
			}
		}
		flood := ledger.said()[before:]
		if n := strings.Count(flood, "audit="); n != 5 {
			t.Errorf("%d lines about one stranger", n)
		}
		before = len(ledger.said())
		if _, err := d.Token("10.66.66.66", c.token); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Token("10.77.77.77", c.oldToken); err == nil {
			t.Fatal("the token of somebody who is disabled is accepted")
		}
		if _, _, err := d.Session("10.88.88.88", "AAAA.BBBB"); err == nil {
			t.Fatal("a session of nobody is accepted")
		}
		later(time.Minute)
		said := ledger.said()[before:]
		for _, part := range []string{"audit=token user=anna address=10.66.66.66", "address=10.77.77.77",
			"address=10.88.88.88", "audit=suppressed address=" + abroad + " lines=1995"} {
			if strings.Count(said, part) != 1 {
				t.Errorf("%q is not said once in %s", part, said)
			}
		}
	})
}
