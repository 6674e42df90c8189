package access

import (
	"testing"
	"time"
)

// Who came in a while ago may stay as long as what let him in is good.
func TestAgain(t *testing.T) {
	c := newCast(t)
	k := c.keeper(t)
	d := NewAuthenticator(k, testLog())
	session, cookie, err := d.Login(t.Context(), "192.0.2.1", "anna", c.annaPw)
	if err != nil {
		t.Fatal(err)
	}
	ledger.hide("session", cookie.Value.Reveal())
	if session, _, err = d.Session("192.0.2.1", cookie.Value); err != nil {
		t.Fatal(err)
	}
	password, err := d.Password(t.Context(), "192.0.2.1", "anna", c.annaPw)
	if err != nil {
		t.Fatal(err)
	}
	token, err := d.Token("192.0.2.1", c.token)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	text, err := k.Snapshot().Sign(Link{Camera: "porch", Formats: []string{"jpeg"}, Expires: now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	link, err := d.Link("192.0.2.1", "porch", text)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(what string, at time.Time, want ...bool) {
		t.Helper()
		for i, p := range []Principal{session, password, token, link} {
			if again, ok := d.Revalidate(p, at); ok != want[i] || ok && (again.Name != p.Name || again.Role != p.Role || !again.CanView("porch")) {
				t.Errorf("%s: %s: %v %+v", what, p.Method, ok, again)
			}
		}
	}
	change := func(f func(*File) error) {
		t.Helper()
		edit(t, c.file, f)
		k.reloadIfChanged()
	}
	stay("at first", now, true, true, true, true)
	stay("later", now.Add(2*time.Hour), true, true, true, false)
	stay("a day later", now.Add(SessionLife+time.Minute), false, true, true, false)
	change(func(d *File) error { return d.SetUser("anna", "", []string{"po*"}, nil) })
	stay("another grant", now, true, true, true, true)
	if p, _ := d.Revalidate(session, now); p.CanView("lab-1") {
		t.Error("the old grant counts")
	}
	change(func(d *File) error { d.RenewLinkKey(); return nil })
	stay("another key", now, false, true, true, false)
	change(func(d *File) error { return d.SetPassword("anna", "another one, long enough") })
	stay("another password", now, false, false, true, false)
	change(func(d *File) error { return d.RemoveToken(c.tokenID) })
	stay("no token", now, false, false, false, false)
	if _, ok := d.Revalidate(Principal{}, now); ok {
		t.Error("nobody may stay")
	}
	if _, ok := d.Revalidate(Anonymous(), now); ok {
		t.Error("everybody may stay, though there are users")
	}
}
