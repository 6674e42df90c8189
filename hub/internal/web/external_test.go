package web

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/go-jose/go-jose/v4"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/sso"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// newJWTFixture returns a hub that accepts tokens of an identity provider, and a function that signs such tokens. Group
// lab operates porch.
func newJWTFixture(t *testing.T, tune ...func(*Server)) (g *authFixture, token func(claims map[string]any) string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "one"}}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		t.Fatal(err)
	}
	bearer, err := sso.NewBearer(context.Background(), sso.BearerConfig{
		Keys: file, Issuer: "https://id.example.org", Audience: "bramble", Claims: sso.Claims{User: "sub", Groups: "groups"},
	})
	if err != nil {
		t.Fatal(err)
	}
	g = newAuthFixture(t, append(tune, func(s *Server) { s.cfg.External.Bearer = bearer; s.compose() })...)
	g.edit(func(d *credstore.File) error {
		return d.AddMapping(credstore.Mapping{Who: "group:lab", Role: permission.Operator, Cameras: []string{"porch"}})
	})
	testutil.Eventually(t, "the mapping counts", func() bool { return len(g.store.Snapshot().Mappings()) == 1 })
	return g, func(claims map[string]any) string {
		all := map[string]any{
			"iss": "https://id.example.org", "aud": "bramble", "sub": "robot", "groups": []string{"lab"},
			"exp": time.Now().Add(time.Hour).Unix(),
		}
		for k, v := range claims {
			all[k] = v
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		return secretLog.hide("token", oidctest.SignIDToken(key, "one", "ES256", string(text)))
	}
}

// TestJWT: a token of the identity provider has the rights of its mappings. API tokens still work.
func TestJWT(t *testing.T) {
	g, token := newJWTFixture(t)
	for name, test := range map[string]struct {
		token  string
		status int
		says   string
	}{
		"good":           {token(nil), 200, `"name":"robot","role":"operator"`},
		"of no mapping":  {token(map[string]any{"groups": []string{"x"}}), 403, "mapping add"},
		"other audience": {token(map[string]any{"aud": "grafana"}), 401, "invalid or expired credentials"},
		"expired":        {token(map[string]any{"exp": 1}), 401, "invalid or expired credentials"},
		"bad name":       {token(map[string]any{"sub": "a\nb"}), 401, "invalid or expired credentials"},
		"nonsense":       {"a.b.c", 401, "invalid or expired credentials"},
		"the hub's own":  {g.annaToken, 200, `"name":"anna"`},
		"a revoked one":  {g.revoked, 401, "invalid or expired credentials"},
	} {
		resp, body := g.request(http.MethodGet, "/api/v1/me", "", "Authorization", "Bearer "+test.token)
		if resp.StatusCode != test.status || !strings.Contains(body, test.says) {
			t.Errorf("%s: %s %s, want %d and %s", name, resp.Status, body, test.status, test.says)
		}
	}
	for camera, want := range map[string]int{"porch": 200, "yard": 404} {
		resp, body := g.request(http.MethodPost, "/api/v1/cameras/"+camera+"/controls", `{"fps":5}`,
			"Authorization", "Bearer "+token(nil), "Content-Type", "application/json")
		if resp.StatusCode != want {
			t.Errorf("controls of %s: %s %s", camera, resp.Status, body)
		}
	}
	if resp, body := g.request(http.MethodGet, "/metrics", "", "Authorization",
		"Bearer "+token(nil)); resp.StatusCode != 403 {
		t.Errorf("/metrics: %s %s", resp.Status, body)
	}
	if !secretLog.says("audit=jwt user=robot") || !secretLog.says("by=jwt") {
		t.Error("audit lines are missing")
	}
}

// TestJWTStreamEnds lets a token expire: its stream ends.
func TestJWTStreamEnds(t *testing.T) {
	var later atomic.Bool
	g, token := newJWTFixture(t, afterwards(&later))
	c := g.stream(
		"/cam/porch.mjpeg",
		"Authorization: Bearer "+token(map[string]any{"exp": time.Now().Add(time.Minute).Unix()})+"\r\n\r\n",
	)
	later.Store(true)
	g.srv.tracker.Revalidate()
	c.ends()
}
