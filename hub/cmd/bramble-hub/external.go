package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/secret"
)

// externalSettings are the settings of logins at a proxy or an identity provider.
type externalSettings struct {
	ProxyAuthUserHeader    string `help:"Header in which a trusted proxy names the user who logged in there, for example Remote-User. \"bramble-hub mapping\" sets what they may do." placeholder:"HEADER"`
	ProxyAuthGroupsHeader  string `help:"Header with that user's groups, for example Remote-Groups." placeholder:"HEADER"`
	ProxyAuthSecretFile    string `help:"File with a secret that the proxy sends in X-Bramble-Proxy-Secret." placeholder:"FILE"`
	ProxyAuthWithoutSecret bool   `help:"Accept the proxy's address as proof: any program at that address can then act as any user."`
	ProxyAuthLogoutURL     string `name:"proxy-auth-logout-url" help:"URL that the page opens after a logout, to end the login at the proxy." placeholder:"URL"`

	OIDCIssuer           string        `name:"oidc-issuer" help:"OpenID Connect provider at which people log in." placeholder:"URL"`
	OIDCClientID         string        `name:"oidc-client-id" help:"The hub's client ID at the provider." placeholder:"ID"`
	OIDCClientSecretFile string        `name:"oidc-client-secret-file" help:"File with the hub's client secret (default: a public client)." placeholder:"FILE"`
	OIDCRedirectURL      string        `name:"oidc-redirect-url" help:"URL to which the provider returns the browser: the hub's address and /login/oidc/callback." placeholder:"URL"`
	OIDCScopes           []string      `name:"oidc-scopes" help:"Scopes to request besides openid, joined by commas (${default})." default:"profile" placeholder:"SCOPES"`
	OIDCUserClaim        string        `name:"oidc-user-claim" help:"The claim that names the user (${default})." default:"preferred_username" placeholder:"CLAIM"`
	OIDCGroupsClaim      string        `name:"oidc-groups-claim" help:"The claim with the user's groups; a dot selects a field of an object (${default})." default:"groups" placeholder:"CLAIM"`
	OIDCName             string        `name:"oidc-name" help:"Name of the provider on the login page (${default})." default:"single sign-on" placeholder:"NAME"`
	OIDCSession          time.Duration `name:"oidc-session" help:"How long a login at the provider is valid (${default})." default:"12h"`

	JWTKeys        string `name:"jwt-keys" help:"Accept bearer tokens (JWT) that an identity provider signed: URL or file of its key set (JWKS)." placeholder:"URL|FILE"`
	JWTIssuer      string `name:"jwt-issuer" help:"The issuer that these tokens must name." placeholder:"ISSUER"`
	JWTAudience    string `name:"jwt-audience" help:"The audience that these tokens must name: this hub and no other program." placeholder:"AUDIENCE"`
	JWTUserClaim   string `name:"jwt-user-claim" help:"The claim that names the user (${default})." default:"sub" placeholder:"CLAIM"`
	JWTGroupsClaim string `name:"jwt-groups-claim" help:"The claim with the user's groups; a dot selects a field of an object (${default})." default:"groups" placeholder:"CLAIM"`
}

// maxSecretFile bounds a file with a secret, in bytes.
const maxSecretFile = 4096

func (s *externalSettings) fill(cfg *hub.Config) error {
	shared, err := readSecret("--proxy-auth-secret-file", s.ProxyAuthSecretFile)
	if err != nil {
		return err
	}
	cfg.ProxyAuth = hub.ProxyAuth{
		UserHeader: s.ProxyAuthUserHeader, GroupsHeader: s.ProxyAuthGroupsHeader, Secret: shared,
		WithoutSecret: s.ProxyAuthWithoutSecret, LogoutURL: s.ProxyAuthLogoutURL,
	}
	client, err := readSecret("--oidc-client-secret-file", s.OIDCClientSecretFile)
	if err != nil {
		return err
	}
	cfg.OIDC = hub.OIDC{
		Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: client, RedirectURL: s.OIDCRedirectURL,
		Scopes: s.OIDCScopes, UserClaim: s.OIDCUserClaim, GroupsClaim: s.OIDCGroupsClaim, Name: s.OIDCName,
		Session: s.OIDCSession,
	}
	cfg.JWT = hub.JWT{
		Keys: s.JWTKeys, Issuer: s.JWTIssuer, Audience: s.JWTAudience,
		UserClaim: s.JWTUserClaim, GroupsClaim: s.JWTGroupsClaim,
	}
	return nil
}

// readSecret reads a file with one line. "" means no file. The other program may also need to read the file, so its
// mode is left to the operator, except that other users must not read it.
func readSecret(flag, name string) (secret.Text, error) {
	if name == "" {
		return "", nil
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("%s %s: every user of this host can read it (mode %04o): chmod o= %s",
			flag, name, info.Mode().Perm(), name)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	text := strings.TrimSpace(string(data))
	if text == "" || len(data) > maxSecretFile || strings.ContainsAny(text, "\r\n") {
		return "", fmt.Errorf("%s %s: it should hold one line, the secret, of at most %d bytes", flag, name, maxSecretFile)
	}
	return secret.Text(text), nil
}
