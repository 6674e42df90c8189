package web

import (
	"encoding/base64"
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// FuzzAuthorization sends any Authorization header, session cookie and X-Forwarded-For. Only valid credentials are
// accepted. A refusal is short and repeats nothing of the request. The client's address is always an IP address.
func FuzzAuthorization(f *testing.F) {
	file := filepath.Join(f.TempDir(), "credentials.json")
	var token string
	err := credstore.Edit(file, func(d *credstore.File) error {
		d.Users = append(d.Users, users()...)
		_, text, err := d.AddToken("anna", "test", 0)
		token = text.Reveal()
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	keeper, err := credstore.Open(file, slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	h := newTestServer(f, stream.Config{})
	s := New(Config{Registry: h.reg, Transcoder: h.tr, Outputs: outputs.All(), Connected: h.agents.Connected,
		Credentials: keeper, Auth: newAuth(keeper, file, slog.New(slog.DiscardHandler)), Log: slog.New(slog.DiscardHandler)})
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("anna:"+string(annaPassword)))
	for _, a := range []string{
		"", basic, "basic  " + basic[6:], "Bearer " + token, "bearer\t" + token, "Bearer", "Basic", "Basic !!!",
		"Basic " + base64.StdEncoding.EncodeToString([]byte("anna")), "Digest username=x", "Bearer bt_", "\xff",
	} {
		f.Add(a, "1790003600.anna.x", "203.0.113.7")
	}
	f.Add("", "", "10.0.0.1, ::ffff:192.0.2.1%eth0, [::1]")
	f.Fuzz(func(t *testing.T, authorization, cookie, forwarded string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "192.0.2.9:1234"
		r.Header["Authorization"] = []string{authorization}
		r.Header["Cookie"] = []string{sessionCookie + "=" + cookie}
		var p auth.Principal
		err := s.auth.RequireAuth(func(c echo.Context) error {
			p = webauth.PrincipalFrom(c)
			return nil
		})(s.echo.NewContext(r, httptest.NewRecorder()))
		scheme, value, _ := strings.Cut(authorization, " ")
		user, password, _ := r.BasicAuth()
		right := strings.EqualFold(scheme, "Bearer") && strings.TrimSpace(value) == token || user == "anna" &&
			// others have the same one
			password == string(annaPassword) || user == "otto" && password == string(ottoPassword) ||
			password == string(annaPassword)
		if err == nil && (!right || p.Name == "") {
			t.Fatalf("%q lets %+v in", authorization, p)
		}
		if err != nil {
			refusal, ok := problem.Described(err)
			if !ok || len(refusal.Detail) > 300 || p.HasRole(permission.Viewer) || p.CanView("porch") {
				t.Fatalf("refused with %+v, may %v", refusal, p)
			}
			if secret := strings.TrimSpace(value); len(secret) > 24 && strings.Contains(refusal.Detail, secret) {
				t.Fatalf("the refusal repeats %q", secret)
			}
		}
		r.RemoteAddr = "127.0.0.1:1"
		r.Header["X-Forwarded-For"] = []string{forwarded}
		if _, err := netip.ParseAddr(s.cfg.Proxies.ClientAddr(r)); err != nil {
			t.Fatalf("%q becomes the address %q", forwarded, s.cfg.Proxies.ClientAddr(r))
		}
	})
}
