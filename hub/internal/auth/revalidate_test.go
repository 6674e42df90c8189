package auth_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
)

// Who came in a while ago may stay as long as what let him in is good.
func TestRevalidate(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		k := credstoretest.Open(t, c.Path, secrets)
		d := newAuthenticator(k)
		login, cookie, err := d.Login(t.Context(), "192.0.2.1", "anna", c.Anna)
		if err != nil {
			t.Fatal(err)
		}
		secrets.Hide("session", cookie.Value.Reveal())
		if login, _, err = d.Session("192.0.2.1", cookie.Value); err != nil {
			t.Fatal(err)
		}
		password, err := d.Password(t.Context(), "192.0.2.1", "anna", c.Anna)
		if err != nil {
			t.Fatal(err)
		}
		token, err := d.Token("192.0.2.1", c.Token)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		text, err := signedlink.Sign(k.Snapshot().LinkKey(), signedlink.Link{Camera: "porch", Formats: []string{"jpeg"},
			Expires: now.Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		link, err := d.Link("192.0.2.1", "porch", text)
		if err != nil {
			t.Fatal(err)
		}
		stay := func(what string, at time.Time, want ...bool) {
			t.Helper()
			for i, p := range []auth.Principal{login, password, token, link} {
				if again, ok := d.Revalidate(p, at); ok != want[i] || ok && (again.Name != p.Name || again.Role != p.Role ||
					!again.CanView("porch")) {
					t.Errorf("%s: %s: %v %+v", what, p.Method, ok, again)
				}
			}
		}
		change := func(f func(*credstore.File) error) {
			t.Helper()
			credstoretest.Edit(t, c.Path, f)
			credstoretest.Reload(t, k)
		}
		stay("at first", now, true, true, true, true)
		stay("later", now.Add(2*time.Hour), true, true, true, false)
		stay("a day later", now.Add(session.Life+time.Minute), false, true, true, false)
		change(func(d *credstore.File) error { return d.SetUser("anna", "", []string{"po*"}, nil) })
		stay("another grant", now, true, true, true, true)
		if p, _ := d.Revalidate(login, now); p.CanView("lab-1") {
			t.Error("the old grant counts")
		}
		change(func(d *credstore.File) error { d.RenewLinkKey(); return nil })
		stay("another key", now, false, true, true, false)
		change(func(d *credstore.File) error { return d.SetPassword("anna", "another one, long enough") })
		stay("another password", now, false, false, true, false)
		change(func(d *credstore.File) error { return d.RemoveToken(c.TokenID) })
		stay("no token", now, false, false, false, false)
		if _, ok := d.Revalidate(auth.Principal{}, now); ok {
			t.Error("an anonymous viewer loses access, although authentication is off")
		}
		if _, ok := d.Revalidate(auth.Anonymous(), now); ok {
			t.Error("an anonymous viewer keeps access, although there are users")
		}
	})
}

// A change of a group takes effect for connected users and counts as a change of their grants.
func TestGroupChanges(t *testing.T) {
	c := credstoretest.New(t, secrets)
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error {
		if err := d.AddGroup("greenhouse", []string{"gh-*"}); err != nil {
			return err
		}
		return d.SetUser("anna", "", []string{"@greenhouse=operator"}, nil)
	})
	synctest.Test(t, func(t *testing.T) {
		k := credstoretest.Open(t, c.Path, secrets)
		d := newAuthenticator(k)
		p, err := d.Password(t.Context(), "192.0.2.1", "anna", c.Anna)
		if err != nil || p.RoleFor("gh-1") != permission.Operator {
			t.Fatalf("%v %v", p, err)
		}
		credstoretest.Edit(t, c.Path, func(d *credstore.File) error { return d.SetGroup("greenhouse", []string{"bench-1"}) })
		credstoretest.Reload(t, k)
		again, ok := d.Revalidate(p, time.Now())
		if !ok || again.CanView("gh-1") || again.RoleFor("bench-1") != permission.Operator || again.SameGrants(p) {
			t.Errorf("after the change: %v %+v", ok, again)
		}
		if said := secrets.Text(); !strings.Contains(said, "audit=group.change") ||
			!strings.Contains(said, "cameras=bench-1") {
			t.Error("no audit line of the change")
		}
	})
}
