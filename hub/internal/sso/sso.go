// Package sso authenticates people through identity providers: by OpenID Connect logins or signed bearer tokens.
// Package auth decides what they may do.
package sso

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/setting"
)

const (
	// fetchTimeout bounds one request to a provider.
	fetchTimeout = 10 * time.Second

	// maxAnswer bounds what a provider may answer, in bytes.
	maxAnswer = 1 << 20
)

// algorithms returns the accepted signature algorithms. They all sign with a private key that only the provider has.
// With a shared-key algorithm or "none", the holder of a public key could sign.
func algorithms() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
		oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
	}
}

// UnavailableError says that a provider is unavailable now.
type UnavailableError struct{ Err error }

func (e *UnavailableError) Error() string {
	return "the identity provider is unavailable: " + e.Err.Error()
}

// Unwrap returns why.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Problem implements problem.Describer. It omits the reason, which may reveal the network behind the hub. The audit
// line has it.
func (e *UnavailableError) Problem() problem.Problem {
	return problem.Problem{
		Title: "Identity provider unavailable", Status: http.StatusServiceUnavailable,
		Detail: "the identity provider is not available: try again soon", RetryAfter: problem.RetrySeconds,
	}
}

// checkURL refuses a URL with which an attacker on the network path could impersonate the provider. name is a
// setting.Name or a text.
func checkURL(name any, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return setting.Errorf("%s %s: give a URL such as https://id.example.org", name, text)
	case u.User != nil || u.Fragment != "":
		return setting.Errorf("%s: give a URL without user, password and #fragment", name)
	case u.Scheme != "https" && (u.Scheme != "http" || !netutil.IsLoopback(u.Hostname())):
		return setting.Errorf("%s %s: give an https URL: plain http is allowed for this host only, "+
			"because elsewhere an attacker on the network path could log in as any user", name, text)
	}
	return nil
}

// newClient returns an HTTP client with bounds on time and size. It follows no redirect from https to http.
func newClient() *http.Client {
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: bounded{&http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: fetchTimeout}).DialContext,
			ForceAttemptHTTP2: true, TLSHandshakeTimeout: fetchTimeout, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second,
		}},
		CheckRedirect: func(to *http.Request, via []*http.Request) error {
			if len(via) >= 5 {
				return errors.New("the identity provider redirects too often")
			}
			return checkURL("a redirect of the identity provider to", to.URL.Redacted())
		},
	}
}

// bounded limits the length of answers.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	}
	return resp, err
}

// CloseIdleConnections lets http.Client close idle connections.
func (b bounded) CloseIdleConnections() {
	if t, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// compact reports whether a text is a JWS in the compact form. Bearer tokens have no other form.
func compact(token string) bool {
	return strings.Count(token, ".") == 2 && !strings.ContainsAny(token, "{ \n")
}
