package sso

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/setting"
)

// keyServer publishes a key set over HTTP and counts requests.
type keyServer struct {
	*httptest.Server
	asked atomic.Int64
	data  atomic.Pointer[[]byte]
}

func newKeyServer(t *testing.T, data []byte) *keyServer {
	t.Helper()
	s := &keyServer{}
	s.data.Store(&data)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		_, _ = w.Write(*s.data.Load()) // the test finds out
	}))
	t.Cleanup(s.Close)
	return s
}

func newBearer(t *testing.T, keys string, claims Claims) *Bearer {
	t.Helper()
	b, err := NewBearer(t.Context(), BearerConfig{Keys: keys, Issuer: issuer, Audience: audience, Claims: claims})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

var usual = Claims{User: "sub", Groups: "groups"}

// Only a token that the provider has signed for this hub and for now is valid.
func TestBearer(t *testing.T) {
	signers := newSigners()
	good, foreign := signers["RS256"], newForeign(t)
	server := newKeyServer(t, keySetOf(t, good, signers["ES256"], signers["EdDSA"]))
	b := newBearer(t, server.URL, usual)
	for name, s := range signers {
		id, expires, err := b.Verify(t.Context(), secret.Text(s.sign(t, claimsWith(nil))))
		if err != nil || id.Name != "anna" || !reflect.DeepEqual(id.Groups, []string{"lab"}) ||
			time.Until(expires) > time.Hour {
			t.Errorf("%s: %v %v %v", name, id, expires, err)
		}
	}
	public, err := x509.MarshalPKIXPublicKey(good.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	confused := func(key []byte) string {
		return sign(t, jose.HS256, key, "one", claimsWith(nil), nil)
	}
	parts := strings.Split(good.sign(t, claimsWith(nil)), ".")
	other := strings.Split(good.sign(t, claimsWith(map[string]any{"sub": "root"})), ".")
	unsigned := func(alg string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+alg+`"}`)) + "." + parts[1] + "."
	}
	long := make([]string, 0, 5000)
	for i := range 5000 {
		long = append(long, fmt.Sprint("group", i))
	}
	for name, token := range map[string]string{
		"nothing":                  "",
		"no JWT":                   "a.b.c",
		"unsigned":                 unsigned("none"),
		"unsigned, spelled":        unsigned("NoNe"),
		"public key as a secret":   confused(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"DER as a secret":          confused(public),
		"key set as a secret":      confused(keySetOf(t, good)),
		"other issuer":             good.sign(t, claimsWith(map[string]any{"iss": issuer + "/"})),
		"no issuer":                good.sign(t, claimsWith(map[string]any{"iss": nil})),
		"other audience":           good.sign(t, claimsWith(map[string]any{"aud": []string{"grafana"}})),
		"no audience":              good.sign(t, claimsWith(map[string]any{"aud": nil})),
		"expired":                  good.sign(t, claimsWith(map[string]any{"exp": time.Now().Add(-time.Second).Unix()})),
		"without an end":           good.sign(t, claimsWith(map[string]any{"exp": nil})),
		"not yet":                  good.sign(t, claimsWith(map[string]any{"nbf": time.Now().Add(time.Hour).Unix()})),
		"no user":                  good.sign(t, claimsWith(map[string]any{"sub": nil})),
		"number as a user":         good.sign(t, claimsWith(map[string]any{"sub": 7})),
		"foreign key of this name": sign(t, jose.RS256, foreign.key, "one", claimsWith(nil), nil),
		"foreign key":              sign(t, jose.RS256, foreign.key, "four", claimsWith(nil), nil),
		"foreign key, no name":     sign(t, jose.RS256, foreign.key, "", claimsWith(nil), nil),
		"foreign key in the token": sign(t, jose.RS256, foreign.key, "", claimsWith(nil),
			map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: foreign.key.Public()}}),
		"key of somewhere": sign(t, jose.RS256, foreign.key, "one", claimsWith(nil),
			map[jose.HeaderKey]any{"jku": "https://evil.example/keys"}),
		"another's content": parts[0] + "." + other[1] + "." + parts[2],
		"no signature":      parts[0] + "." + parts[1] + ".",
		"JSON": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` +
			parts[2] + `"}`,
		"two tokens": strings.Join(parts, ".") + " " + strings.Join(parts, "."),
	} {
		if id, _, err := b.Verify(t.Context(), secret.Text(token)); err == nil || len(err.Error()) > 1000 {
			t.Errorf("%s: %v %v", name, id, err)
		}
	}
	if id, _, err := b.Verify(t.Context(),
		secret.Text(good.sign(t, claimsWith(map[string]any{"groups": long})))); err != nil ||
		len(id.Groups) != 5000 {
		t.Errorf("many groups, which package access bounds: %d %v", len(id.Groups), err)
	}
	if n := server.asked.Load(); n != 1 {
		t.Errorf("the provider was asked %d times for its keys", n)
	}
}

func newForeign(t *testing.T) signer {
	t.Helper()
	pair := httptest.NewUnstartedServer(nil)
	pair.StartTLS() // has its own RSA key
	defer pair.Close()
	key, ok := pair.TLS.Certificates[0].PrivateKey.(crypto.Signer)
	if !ok {
		t.Fatal("no key")
	}
	return signer{"four", jose.RS256, key}
}

func TestClaims(t *testing.T) {
	var set claimSet
	err := json.Unmarshal([]byte(`{"sub":"1","preferred_username":"anna","email":"anna@example.org","email_verified":true,
		"groups":["lab",7,null,"x"],"group":"one","realm_access":{"roles":["a","b"]},
		"https://example.org/groups":["c"],"a.b":["d"],"n":null}`), &set)
	if err != nil {
		t.Fatal(err)
	}
	for claim, want := range map[string][]string{
		"groups": {"lab", "x"}, "group": {"one"}, "realm_access.roles": {"a", "b"}, "https://example.org/groups": {"c"},
		"a.b":  {"d"},
		"none": nil, "n": nil, "realm_access": nil, "realm_access.roles.x": nil, "sub.x": nil, "": nil, ".": nil,
	} {
		id, err := Claims{User: "email", Groups: claim}.identity(set)
		if err != nil || id.Name != "anna@example.org" || !reflect.DeepEqual(id.Groups, want) {
			t.Errorf("%q: %v %v, want %v", claim, id, err, want)
		}
	}
	for _, verified := range []any{false, nil, "false", 1} {
		set["email_verified"] = verified
		if id, err := (Claims{User: "email"}).identity(set); err == nil {
			t.Errorf("verified %v: %v", verified, id)
		}
		if id, err := (Claims{User: "preferred_username"}).identity(set); err != nil || id.Name != "anna" {
			t.Errorf("another claim: %v %v", id, err)
		}
	}
}

// The size of a published key set is limited. Errors in it are reported.
func TestBadKeySets(t *testing.T) {
	good := newSigners()["RS256"]
	token := secret.Text(good.sign(t, claimsWith(nil)))
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: good.key, KeyID: "one"}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ data, says string }{
		"no JSON":       {"<html>", "not a JSON Web Key Set"},
		"empty":         {"{}", "no public key"},
		"shared key":    {`{"keys":[{"kty":"oct","kid":"one","k":"` + strings.Repeat("A", 43) + `"}]}`, "no public key"},
		"private key":   {string(private), "private key"},
		"for encoding":  {strings.Replace(string(keySetOf(t, good)), `"sig"`, `"enc"`, 1), "no public key"},
		"too long":      {strings.Repeat(" ", maxAnswer) + string(keySetOf(t, good)), "not a JSON Web Key Set"},
		"too many keys": {`{"keys":[` + strings.Repeat("{},", 200) + `{}]}`, "201 keys"},
	} {
		server := newKeyServer(t, []byte(test.data))
		_, _, err := newBearer(t, server.URL, usual).Verify(t.Context(), token)
		if unavailable := (*UnavailableError)(nil); !errors.As(err, &unavailable) ||
			!strings.Contains(setting.Flags(err), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	moved := httptest.NewServer(http.RedirectHandler("http://192.0.2.1/keys", http.StatusFound))
	defer moved.Close()
	if _, _, err := newBearer(t, moved.URL, usual).Verify(t.Context(), token); err == nil ||
		!strings.Contains(err.Error(), "https") {
		t.Errorf("a redirect out of TLS: %v", err)
	}
	if _, _, err := newBearer(t, "http://127.0.0.1:1/keys", usual).Verify(t.Context(), token); !errors.As(err,
		new(*UnavailableError)) {
		t.Errorf("no server: %v", err)
	}
}

func TestBearerSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, keySetOf(t, newSigners()["RS256"]), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := newBearer(t, file, usual).Verify(t.Context(),
		secret.Text(newSigners()["RS256"].sign(t, claimsWith(nil)))); err != nil {
		t.Errorf("keys of a file: %v", err)
	}
	for name, test := range map[string]struct {
		cfg  BearerConfig
		says string
	}{
		"no issuer":   {BearerConfig{Keys: file, Audience: audience}, "--jwt-issuer"},
		"no audience": {BearerConfig{Keys: file, Issuer: issuer}, "--jwt-audience"},
		"in clear":    {BearerConfig{Keys: "http://id.example.org/keys", Issuer: issuer, Audience: audience}, "https"},
		"no URL":      {BearerConfig{Keys: "https://", Issuer: issuer, Audience: audience}, "give a URL"},
		"password": {BearerConfig{Keys: "https://a:b@id.example.org/", Issuer: issuer, Audience: audience},
			"without user"},
		"no file": {BearerConfig{Keys: file + ".gone", Issuer: issuer, Audience: audience}, "no such file"},
	} {
		if _, err := NewBearer(t.Context(), test.cfg); err == nil || !strings.Contains(setting.Flags(err), test.says) ||
			strings.Contains(err.Error(), "a:b") {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}
