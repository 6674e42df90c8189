package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/shared/secret"
)

// externalSettings are those of ways in for people whom somebody else identifies.
type externalSettings struct {
	ProxyAuthUserHeader    string `help:"A trusted proxy names who has logged in at it in this header, for example Remote-User; \"bramble-hub mapping\" says what they may do." placeholder:"HEADER"`
	ProxyAuthGroupsHeader  string `help:"Their groups are in this header, for example Remote-Groups." placeholder:"HEADER"`
	ProxyAuthSecretFile    string `help:"File with a secret that the proxy sends in X-Bramble-Proxy-Secret." placeholder:"FILE"`
	ProxyAuthWithoutSecret bool   `help:"The proxy's address alone is enough: every program there can then act as any user."`
	ProxyAuthLogoutURL     string `name:"proxy-auth-logout-url" help:"Where the page leads to end the login at the proxy." placeholder:"URL"`

	OIDCIssuer           string        `name:"oidc-issuer" help:"People log in at this OpenID Connect provider." placeholder:"URL"`
	OIDCClientID         string        `name:"oidc-client-id" help:"The hub's name at the provider." placeholder:"ID"`
	OIDCClientSecretFile string        `name:"oidc-client-secret-file" help:"File with the hub's secret at the provider (default: a public client)." placeholder:"FILE"`
	OIDCRedirectURL      string        `name:"oidc-redirect-url" help:"Where the provider sends people back: the hub's address and /login/oidc/callback." placeholder:"URL"`
	OIDCScopes           []string      `name:"oidc-scopes" help:"What the provider is asked for beside openid, joined by commas (${default})." default:"profile" placeholder:"SCOPES"`
	OIDCUserClaim        string        `name:"oidc-user-claim" help:"The claim that names the user (${default})." default:"preferred_username" placeholder:"CLAIM"`
	OIDCGroupsClaim      string        `name:"oidc-groups-claim" help:"The claim with the user's groups; a dot leads into an object (${default})." default:"groups" placeholder:"CLAIM"`
	OIDCName             string        `name:"oidc-name" help:"What the login page calls the provider (${default})." default:"single sign-on" placeholder:"NAME"`
	OIDCSession          time.Duration `name:"oidc-session" help:"How long a login there is good for (${default})." default:"12h"`

	JWTKeys        string `name:"jwt-keys" help:"Take bearer tokens (JWT) that an identity provider has signed: the URL or the file of its key set (JWKS)." placeholder:"URL|FILE"`
	JWTIssuer      string `name:"jwt-issuer" help:"The issuer that they must name." placeholder:"ISSUER"`
	JWTAudience    string `name:"jwt-audience" help:"The audience that they must name: this hub, and no other program." placeholder:"AUDIENCE"`
	JWTUserClaim   string `name:"jwt-user-claim" help:"The claim that names the user (${default})." default:"sub" placeholder:"CLAIM"`
	JWTGroupsClaim string `name:"jwt-groups-claim" help:"The claim with the user's groups; a dot leads into an object (${default})." default:"groups" placeholder:"CLAIM"`
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
		Issuer: s.OIDCIssuer, ClientID: s.OIDCClientID, ClientSecret: client, RedirectURL: s.OIDCRedirectURL, Scopes: s.OIDCScopes,
		UserClaim: s.OIDCUserClaim, GroupsClaim: s.OIDCGroupsClaim, Name: s.OIDCName, Session: s.OIDCSession,
	}
	cfg.JWT = hub.JWT{Keys: s.JWTKeys, Issuer: s.JWTIssuer, Audience: s.JWTAudience, UserClaim: s.JWTUserClaim, GroupsClaim: s.JWTGroupsClaim}
	return nil
}

// readSecret reads a file with one line; "" is no file. Who shares the secret may have to read the file, too: its mode is
// left to the operator, but for files that everybody can read.
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
		return "", fmt.Errorf("%s %s: every user of this host can read it (mode %04o): chmod o= %s", flag, name, info.Mode().Perm(), name)
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
