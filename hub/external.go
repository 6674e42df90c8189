package hub

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/sso"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/setting"
)

// ProxyAuth says how a trusted reverse proxy names the user who logged in there.
type ProxyAuth struct {
	UserHeader    string // "" ignores such headers
	GroupsHeader  string // "" for none
	Secret        secret.Text
	WithoutSecret bool   // the address of the proxy is enough
	LogoutURL     string // ends the login at the proxy; "" for none
}

// JWT says which bearer tokens of an identity provider are accepted.
type JWT struct {
	Keys        string // URL or file of its key set; "" accepts none
	Issuer      string
	Audience    string
	UserClaim   string
	GroupsClaim string
}

// OIDC names an identity provider at which people log in.
type OIDC struct {
	Issuer       string // "" means none
	ClientID     string
	ClientSecret secret.Text
	RedirectURL  string
	Scopes       []string
	UserClaim    string
	GroupsClaim  string
	Name         string // on the login page
	Session      time.Duration
}

func (o OIDC) provider() (*sso.Provider, error) {
	if o.Issuer == "" {
		if o.ClientID != "" || o.ClientSecret != "" || o.RedirectURL != "" {
			return nil, setting.Errorf("the oidc-... settings need {oidc-issuer}, the address of the identity provider")
		}
		return nil, nil
	}
	return sso.NewProvider(sso.ProviderConfig{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret, RedirectURL: o.RedirectURL, Scopes: o.Scopes,
		Claims: sso.Claims{User: o.UserClaim, Groups: o.GroupsClaim}, Label: o.Name, Session: o.Session,
	})
}

func (j JWT) bearer() (*sso.Bearer, error) {
	return sso.NewBearer(context.Background(), sso.BearerConfig{
		Keys: j.Keys, Issuer: j.Issuer, Audience: j.Audience, Claims: sso.Claims{User: j.UserClaim, Groups: j.GroupsClaim},
	})
}

// external checks the settings of logins at a proxy or an identity provider.
func (c *Config) external(book *credstore.Snapshot) (webauth.External, error) {
	var e webauth.External
	var err error
	if e.Proxy, err = c.ProxyAuth.login(); err != nil {
		return e, err
	}
	if c.JWT.Keys != "" {
		if e.Bearer, err = c.JWT.bearer(); err != nil {
			return e, err
		}
	} else if c.JWT.Issuer+c.JWT.Audience != "" {
		return e, setting.Errorf(
			"{jwt-issuer} and {jwt-audience} need {jwt-keys}, the URL or the file of the provider's key set")
	}
	if e.OIDC, err = c.OIDC.provider(); err != nil {
		return e, err
	}
	if e.IsZero() {
		return e, nil
	}
	if len(book.Mappings()) == 0 {
		return e, errors.New("an external login is configured, but no mapping grants anything: " +
			"add the first with \"bramble-hub mapping add group:NAME --cameras 'lab-*'\"")
	}
	return e, nil
}

var headerPattern = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

func (p ProxyAuth) login() (*webauth.ProxyLogin, error) {
	if p.UserHeader == "" {
		if p != (ProxyAuth{}) {
			return nil, setting.Errorf("the proxy-auth-... settings need {proxy-auth-user-header}, for example Remote-User")
		}
		return nil, nil
	}
	for what, name := range map[string]string{"user": p.UserHeader, "groups": p.GroupsHeader} {
		if name != "" && !headerPattern.MatchString(name) ||
			strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Cookie") {
			return nil, setting.Errorf("%s %s: "+
				"give the name of a header that the proxy sets, for example Remote-User",
				setting.Name("proxy-auth-"+what+"-header"), name)
		}
	}
	switch {
	case p.Secret == "" && !p.WithoutSecret:
		return nil, setting.Errorf("{proxy-auth-user-header} needs {proxy-auth-secret-file}: without a secret, " +
			"any program at a trusted address could act as any user; {proxy-auth-without-secret} allows that")
	case p.Secret != "" && p.WithoutSecret:
		return nil, setting.Errorf("{proxy-auth-secret-file} and {proxy-auth-without-secret} exclude each other: " +
			"give one of them")
	case p.Secret != "" && len(p.Secret) < minSharedSecret:
		return nil, setting.Errorf("{proxy-auth-secret-file}: the secret has %d characters: "+
			"give %d or more, for example by \"openssl rand -hex 32\"", len(p.Secret), minSharedSecret)
	}
	if p.LogoutURL != "" {
		if u, err := url.Parse(p.LogoutURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, setting.Errorf("{proxy-auth-logout-url} %s: give a URL such as https://auth.example.org/logout",
				p.LogoutURL)
		}
	}
	return &webauth.ProxyLogin{
		UserHeader: p.UserHeader, GroupsHeader: p.GroupsHeader, Secret: p.Secret, LogoutURL: p.LogoutURL,
	}, nil
}

// minSharedSecret is the minimum length of a secret shared with another program.
const minSharedSecret = 16
