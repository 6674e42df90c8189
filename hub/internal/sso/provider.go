package sso

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/setting"
)

// CallbackPath is the path to which the provider sends the browser back.
const CallbackPath = "/login/oidc/callback"

// discoverAgain is the time after a failure until the provider is asked for its endpoints again.
const discoverAgain = 5 * time.Second

// logoutPatience bounds how long the page waits for the URL of the provider's logout.
const logoutPatience = 2 * time.Second

// ProviderConfig names an OpenID Connect provider, and the hub as its client.
type ProviderConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret secret.Text // "" for a public client, which uses PKCE only
	RedirectURL  string      // of the hub, to which the provider sends a browser back
	Scopes       []string    // openid is always included
	Claims       Claims
	Label        string        // its name on the login page
	Session      time.Duration // how long a login is valid
}

// Provider logs people in by the authorization code flow of OpenID Connect, with PKCE.
// It discovers the provider's endpoints at the first login: the hub starts without the provider.
type Provider struct {
	cfg    ProviderConfig
	client *http.Client

	mu     sync.Mutex
	found  *endpoints // guarded by mu
	failed time.Time  // guarded by mu
	err    error      // of that failure; guarded by mu
}

// endpoints is the provider's discovery document.
type endpoints struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	logout   string // "" if it has none
}

// NewProvider checks the settings. It sends no request yet.
func NewProvider(cfg ProviderConfig) (*Provider, error) {
	if cfg.ClientID == "" || cfg.RedirectURL == "" {
		return nil, setting.Errorf(
			"{oidc-issuer} needs {oidc-client-id} and {oidc-redirect-url}, as registered at the provider")
	}
	err := errors.Join(checkURL(setting.Name("oidc-issuer"), cfg.Issuer),
		checkURL(setting.Name("oidc-redirect-url"), cfg.RedirectURL))
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(cfg.RedirectURL); err != nil || !strings.HasSuffix(u.Path, CallbackPath) || u.RawQuery != "" {
		return nil, setting.Errorf("{oidc-redirect-url} %s: give the hub's own address and %s", cfg.RedirectURL, CallbackPath)
	}
	if cfg.Session <= 0 {
		return nil, setting.Errorf("{oidc-session} %v: give a time such as 12h", cfg.Session)
	}
	if !slices.Contains(cfg.Scopes, oidc.ScopeOpenID) {
		cfg.Scopes = append([]string{oidc.ScopeOpenID}, cfg.Scopes...)
	}
	return &Provider{cfg: cfg, client: newClient()}, nil
}

// Label is the provider's name on the login page.
func (p *Provider) Label() string { return p.cfg.Label }

// SessionLife is how long a login is valid.
func (p *Provider) SessionLife() time.Duration { return p.cfg.Session }

// Close closes connections to the provider.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// discover returns the provider's endpoints. After a failure it waits before it asks again.
func (p *Provider) discover(ctx context.Context) (*endpoints, error) {
	p.mu.Lock() // concurrent callers wait for the same answer, which has a deadline
	defer p.mu.Unlock()
	return p.discoverLocked(ctx, fetchTimeout)
}

func (p *Provider) discoverLocked(ctx context.Context, patience time.Duration) (*endpoints, error) {
	if p.found != nil {
		return p.found, nil
	}
	if p.err != nil && time.Since(p.failed) < discoverAgain {
		return nil, &UnavailableError{p.err}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	found, err := p.ask(ctx)
	if err != nil {
		p.failed, p.err = time.Now(), err
		return nil, &UnavailableError{err}
	}
	p.found, p.err = found, nil
	return found, nil
}

func (p *Provider) ask(ctx context.Context) (*endpoints, error) {
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.cfg.Issuer)
	if err != nil {
		return nil, err
	}
	var said struct {
		Keys   string `json:"jwks_uri"`
		Logout string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&said); err != nil {
		return nil, err
	}
	at := provider.Endpoint()
	urls := map[string]string{
		"authorization_endpoint": at.AuthURL, "token_endpoint": at.TokenURL, "jwks_uri": said.Keys,
	}
	for what, text := range urls {
		if err := checkURL("the provider's "+what, text); err != nil {
			return nil, err
		}
	}
	if said.Logout != "" {
		if err := checkURL("the provider's end_session_endpoint", said.Logout); err != nil {
			return nil, err
		}
	}
	keys := &keySet{fetch: fromURL(p.client, said.Keys)}
	verifier := oidc.NewVerifier(p.cfg.Issuer, keys,
		&oidc.Config{ClientID: p.cfg.ClientID, SupportedSigningAlgs: algorithms()})
	return &endpoints{provider, verifier, said.Logout}, nil
}

// Attempt is a login in progress. The browser keeps it until the provider sends it back.
type Attempt struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // of PKCE, RFC 7636
	Next     string `json:"t"` // the page after the login
	Expires  int64  `json:"e"` // Unix seconds
}

// attemptLife is how long a person may take to log in at the provider.
const attemptLife = 10 * time.Minute

// Begin begins a login that leads to next. It returns the URL to which to send the browser.
func (p *Provider) Begin(ctx context.Context, next string, now time.Time) (Attempt, string, error) {
	at, err := p.discover(ctx)
	if err != nil {
		return Attempt{}, "", err
	}
	a := Attempt{
		State: chance(), Nonce: chance(), Verifier: oauth2.GenerateVerifier(), Next: next,
		Expires: now.Add(attemptLife).Unix(),
	}
	return a, p.oauth(at).AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), nil
}

func chance() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func (p *Provider) oauth(at *endpoints) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.cfg.ClientID, ClientSecret: p.cfg.ClientSecret.Reveal(), Endpoint: at.provider.Endpoint(),
		RedirectURL: p.cfg.RedirectURL, Scopes: p.cfg.Scopes,
	}
}

// Finish returns the person who has logged in. back holds the parameters of the provider's redirect.
func (p *Provider) Finish(ctx context.Context, a Attempt, back url.Values, now time.Time) (auth.Identity, error) {
	if a.State == "" || now.Unix() >= a.Expires ||
		subtle.ConstantTimeCompare([]byte(a.State), []byte(back.Get("state"))) != 1 {
		return auth.Identity{}, errors.New("this browser has not begun this login, or too long ago, " +
			"or not at the hub's address that is registered at the provider")
	}
	if why := back.Get("error"); why != "" {
		return auth.Identity{}, fmt.Errorf("the provider refuses: %.200q %.200q", why, back.Get("error_description"))
	}
	at, err := p.discover(ctx)
	if err != nil {
		return auth.Identity{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), fetchTimeout)
	defer cancel()
	tokens, err := p.oauth(at).Exchange(ctx, back.Get("code"), oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return auth.Identity{}, exchangeProblem(err)
	}
	set, err := p.verify(ctx, at, tokens, a.Nonce)
	if err != nil {
		return auth.Identity{}, err
	}
	return p.cfg.Claims.identity(set)
}

// exchangeProblem distinguishes a refusal by the provider from an unavailable provider.
// The answer itself may hold secrets and is left out.
func exchangeProblem(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil &&
		refused.Response.StatusCode < http.StatusInternalServerError {
		return fmt.Errorf("the provider refuses the code: %.200q %.200q", refused.ErrorCode, refused.ErrorDescription)
	}
	var network *url.Error
	if errors.As(err, &network) {
		return &UnavailableError{network.Err}
	}
	return &UnavailableError{errors.New("its token endpoint returned no token")}
}

// verify returns the claims of the ID token. It adds those of the provider's userinfo if the ID token lacks some.
func (p *Provider) verify(ctx context.Context, at *endpoints, tokens *oauth2.Token, nonce string) (claimSet, error) {
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return nil, errors.New("the provider has sent no ID token: check that it supports the scope openid")
	}
	id, err := check(ctx, at.verifier, raw)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1 {
		return nil, errors.New("the ID token is for another login")
	}
	set := claimSet{}
	if err := id.Claims(&set); err != nil {
		return nil, err
	}
	if p.cfg.Claims.has(set) || at.provider.UserInfoEndpoint() == "" {
		return set, nil
	}
	return set, p.addUserInfo(ctx, at, tokens, id.Subject, set)
}

func (p *Provider) addUserInfo(
	ctx context.Context, at *endpoints, tokens *oauth2.Token, subject string, set claimSet,
) error {
	info, err := at.provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return &UnavailableError{errors.New("its userinfo endpoint does not answer")}
	}
	if info.Subject != subject { // OpenID Connect Core, 5.3.2
		return errors.New("the provider's userinfo is about another person")
	}
	more := claimSet{}
	if err := info.Claims(&more); err != nil {
		return err
	}
	for name, value := range more {
		if _, signed := set[name]; !signed {
			set[name] = value
		}
	}
	return nil
}

// LogoutURL returns the URL that ends a person's login at the provider.
// It returns "" if the provider has no such page or does not answer soon.
func (p *Provider) LogoutURL(ctx context.Context) string {
	if !p.mu.TryLock() {
		return ""
	}
	defer p.mu.Unlock()
	at, err := p.discoverLocked(ctx, logoutPatience)
	if err != nil || at.logout == "" {
		return ""
	}
	u, err := url.Parse(at.logout)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.cfg.ClientID)
	u.RawQuery = q.Encode()
	return u.String()
}
