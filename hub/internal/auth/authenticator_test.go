package auth_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/apitoken"
	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/password"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestLogin(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
		if d.AuthDisabled() {
			t.Error("authentication is off")
		}
		p, cookie, err := d.Login(t.Context(), home, "anna", c.Anna)
		if err != nil || p.Name != "anna" || p.Role != permission.Viewer {
			t.Fatalf("%+v, %v", p, err)
		}
		secrets.Hide("cookie", cookie.Value.Reveal())
		if got, renewed, err := d.Session(home, cookie.Value); err != nil || got.Name != "anna" ||
			got.Method != auth.MethodSession || renewed != nil {
			t.Errorf("%+v, %v, %v", got, renewed, err)
		}
		for name, password := range map[string]secret.Text{"anna": c.Otto, "unknown": c.Anna, "gone": c.Gone, "": ""} {
			if _, _, err := d.Login(t.Context(), home, name, password); !errors.Is(err, auth.ErrUnauthenticated) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, _, err := d.Login(t.Context(), home, "root", c.Root); err != nil {
			t.Error(err)
		}
	})
}

// A program that sends its password with each request is not slowed down, and a change of the password counts at once.
func TestBasic(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		k := credstoretest.Open(t, c.Path, secrets)
		testutil.Run(t, k.Run)
		d := newAuthenticator(k)
		begin := time.Now()
		for range 10_000 { // each would take 19 MiB and some milliseconds
			if p, err := d.Password(t.Context(), home, "otto", c.Otto); err != nil || p.Name != "otto" ||
				p.Method != auth.MethodPassword {
				t.Fatal(err)
			}
		}
		if time.Since(begin) != 0 {
			t.Error("time went by")
		}
		if n := d.FillBasicCache(2 * auth.MaxBasicCache); n > auth.MaxBasicCache {
			t.Errorf("%d passwords are remembered", n)
		}
		if _, err := d.Password(t.Context(), home, "otto", c.Otto); err != nil {
			t.Error(err)
		}
		credstoretest.Edit(t, c.Path, func(doc *credstore.File) error { return doc.SetPassword("otto", c.Anna) })
		later(2 * time.Second)
		if _, err := d.Password(t.Context(), home, "otto", c.Otto); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("the old password: %v", err)
		}
		if _, err := d.Password(t.Context(), home, "otto", c.Anna); err != nil {
			t.Errorf("the new password: %v", err)
		}
	})
}

// TestCopyOfFile: the hashes in a copied credentials file do not work as passwords or tokens.
func TestCopyOfFile(t *testing.T) {
	c := credstoretest.New(t, secrets)
	var token credstore.Token
	credstoretest.Edit(t, c.Path, func(d *credstore.File) (err error) {
		var text secret.Text
		token, text, err = d.AddToken("root", "copied", 0)
		secrets.Hide("token", text.Reveal())
		return err
	})
	b := credstoretest.Load(t, c.Path)
	d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
	i := slices.IndexFunc(b.Users(), func(u credstore.User) bool { return u.Name == "anna" })
	hash := b.Users()[i].Hash
	if _, err := d.Password(t.Context(), "192.0.2.1", "anna", secret.Text(hash)); !errors.Is(err,
		auth.ErrUnauthenticated) {
		t.Errorf("the hash as a password: %v", err)
	}
	for _, text := range []string{
		"bt_" + token.ID + "_" + token.SHA256, "bt_" + token.ID + "_" + token.SHA256[:52], token.SHA256,
	} {
		if _, err := d.Token("192.0.2.1", secret.Text(text)); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("the sum of a token as a token: %v", err)
		}
	}
}

// A password that was accepted earlier remains valid.
func TestOldPasswordsStay(t *testing.T) {
	c := credstoretest.New(t, secrets)
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error {
		d.Users[0].Hash = password.Hash("1234567890")
		return nil
	})
	d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
	if _, err := d.Password(t.Context(), home, "anna", "1234567890"); err != nil {
		t.Error(err)
	}
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error {
		if err := d.SetPassword("anna", "anna's anna"); err == nil || !strings.Contains(err.Error(), "name of the user") {
			t.Errorf("%v", err)
		}
		return nil
	})
}

func TestToken(t *testing.T) {
	c := credstoretest.New(t, secrets)
	b := credstoretest.Load(t, c.Path)
	now := time.Now()
	p, err := auth.TokenPrincipal(b, c.Token, now)
	if err != nil || p.Name != "anna" || p.Role != permission.Viewer || !p.CanView("porch") || p.CanView("garden") {
		t.Errorf("%+v, %v", p, err)
	}
	var short secret.Text
	credstoretest.Edit(t, c.Path, func(d *credstore.File) (err error) {
		_, short, err = d.AddToken("anna", "short", time.Hour)
		return err
	})
	secrets.Hide("token", short.Reveal())
	b = credstoretest.Load(t, c.Path)
	if _, err := auth.TokenPrincipal(b, short, now.Add(59*time.Minute)); err != nil {
		t.Error(err)
	}
	text := c.Token.Reveal()
	for name, test := range map[string]struct {
		token secret.Text
		at    time.Time
		says  string
	}{
		"expired": {short, now.Add(2 * time.Hour), "expired"}, "of a disabled user": {c.OldToken, now, "disabled"},
		"nothing":        {"", now, "not an API token"},
		"another secret": {secret.Text(text[:len(text)-1] + "a"), now, "not known"},
		"another id":     {secret.Text("bt_aaaaaaaa" + text[11:]), now, "not known"},
		"id only":        {secret.Text(text[:12]), now, "not an API token"},
		"with a space":   {c.Token + " ", now, "not an API token"},
	} {
		if p, err := auth.TokenPrincipal(b, test.token, test.at); err == nil && test.token != c.Token ||
			p.HasRole(permission.Viewer) && test.token != c.Token || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error { return d.RemoveToken(c.TokenID) })
	if _, err := auth.TokenPrincipal(credstoretest.Load(t, c.Path), c.Token, now); err == nil {
		t.Error("a removed token is good")
	}
}

func FuzzToken(f *testing.F) {
	c := credstoretest.New(f, secrets)
	b := credstoretest.Load(f, c.Path)
	f.Add(c.Token.Reveal())
	for _, s := range []string{"", "bt_", "bt__", "bt_aaaaaaaa_", "bt_aaaaaaaa_" + strings.Repeat("a", 52),
		"BT_AAAAAAAA_" + strings.Repeat("A", 52), "bt_aaaaaaaa_" + strings.Repeat("a", 53)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, proof, err := apitoken.Parse(secret.Text(text))
		if err == nil && "bt_"+id+"_"+proof.Reveal() != text {
			t.Errorf("%q is read as %q and %q", text, id, proof.Reveal())
		}
		p, err := auth.TokenPrincipal(b, secret.Text(text), time.Now())
		if (err == nil) != (text == c.Token.Reveal()) || err != nil && (p.HasRole(permission.Viewer) || p.CanView("porch")) {
			t.Errorf("%q is accepted: %+v", text, p)
		}
	})
}

// A token never has more rights than its owner. A token for some cameras has no right that concerns all cameras.
func TestNarrowTokens(t *testing.T) {
	c := credstoretest.New(t, secrets)
	texts := map[string]credstore.Token{
		"all": {Owner: "root"}, "read only": {Owner: "root", Role: permission.Viewer},
		"one camera": {Owner: "root", Cameras: []string{"porch"}},
		"group":      {Owner: "root", Cameras: []string{"@greenhouse"}},
		"beyond":     {Owner: "anna", Role: permission.Operator, Cameras: []string{"*"}},
	}
	tokens := map[string]string{}
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error {
		d.Groups = []credstore.Group{{Name: "greenhouse", Cameras: []string{"gh-*"}}}
		for name, want := range texts {
			want.Name = "test"
			_, text, err := d.AddNarrowToken(want, 0)
			if err != nil {
				return err
			}
			tokens[name] = secrets.Hide("token", text.Reveal()).Reveal()
		}
		return nil
	})
	d := newAuthenticator(credstoretest.Open(t, c.Path, secrets))
	for _, test := range []struct {
		token, camera string
		want          permission.Role
		admin, all    bool
	}{
		{"all", "porch", permission.Operator, true, true}, {"read only", "porch", permission.Viewer, false, true},
		{"one camera", "porch", permission.Operator, false, false},
		{"one camera", "garden", "", false, false}, {"group", "gh-1", permission.Operator, false, false},
		{"group", "porch", "", false, false},
		{"beyond", "porch", permission.Viewer, false, false}, {"beyond", "garden", "", false, false},
	} {
		p, err := d.Token("192.0.2.1", secrets.Hide("token", tokens[test.token]))
		if err != nil {
			t.Fatal(err)
		}
		again, ok := d.Revalidate(p, time.Now())
		for _, p := range []auth.Principal{p, again} {
			if p.RoleFor(test.camera) != test.want || p.HasRole(permission.Admin) != test.admin || p.CanViewAll() != test.all ||
				!ok {
				t.Errorf("%s: role %q for %s, admin %v, all %v", test.token, p.RoleFor(test.camera), test.camera,
					p.HasRole(permission.Admin),
					p.CanViewAll())
			}
		}
	}
}
