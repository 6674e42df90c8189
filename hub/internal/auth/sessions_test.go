package auth_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestSessions(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		k := credstoretest.Open(t, c.Path, secrets)
		testutil.Run(t, k.Run)
		d := newAuthenticator(k)
		login := func(name string, password secret.Text) session.Cookie {
			t.Helper()
			_, cookie, err := d.Login(t.Context(), home, name, password)
			if err != nil {
				t.Fatal(err)
			}
			secrets.Hide("cookie", cookie.Value.Reveal())
			return cookie
		}
		good := func(what string, cookie session.Cookie, want bool) (renewed *session.Cookie) {
			t.Helper()
			p, renewed, err := d.Session(home, cookie.Value)
			if (err == nil) != want ||
				(err != nil && (!errors.Is(err, auth.ErrUnauthenticated) || p.HasRole(permission.Viewer) || renewed != nil)) {
				t.Errorf("%s: %+v, %v", what, p, err)
			}
			return renewed
		}
		anna, phone, otto := login("anna", c.Anna), login("anna", c.Anna), login("otto", c.Otto)
		if anna.Value == phone.Value {
			t.Error("two logins have one session")
		}
		later(session.RenewAfter)
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
		credstoretest.Edit(t, c.Path,
			func(doc *credstore.File) error { return doc.SetUser("anna", permission.Operator, nil, nil) })
		later(2 * time.Second)
		good("with another role", phone, false)
		good("another user", otto, true)
		root := login("root", c.Root)
		later(session.Life)
		good("after a day", root, false)
		for name, value := range map[string]string{"nothing": "", "a dot": ".",
			"no signature": strings.Split(otto.Value.Reveal(), ".")[0], "long": strings.Repeat("a", 2000) + "."} {
			good(name, session.Cookie{Value: secret.Text(value)}, false)
		}
	})
}

// A session that is in use is renewed, but not for ever.
func TestLongSession(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
		_, cookie, err := d.Login(t.Context(), home, "anna", c.Anna)
		if err != nil {
			t.Fatal(err)
		}
		for end := time.Now().Add(session.MaxLife); time.Now().Before(end); later(session.RenewAfter) {
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
