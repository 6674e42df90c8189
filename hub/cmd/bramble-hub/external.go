package main

import (
	"fmt"
	"io"
	"os"
	"strings"

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
