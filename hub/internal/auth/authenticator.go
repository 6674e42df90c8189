package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bramble-cam/bramble/hub/internal/apitoken"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
	"github.com/bramble-cam/bramble/hub/internal/password"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/hub/internal/throttle"
	"github.com/bramble-cam/bramble/internal/secret"
)

// ErrUnauthenticated says that a proof is wrong. The log has the reason: a guesser must not learn it.
var ErrUnauthenticated error = problem.Kind{
	Text: "invalid or expired credentials", Title: "Authentication required", Status: http.StatusUnauthorized,
}

// errWrongPassword is for the log only.
var errWrongPassword = errors.New("user name or password is wrong")

// Authenticator authenticates clients. It writes an audit line for each login and each refusal.
// Addresses are IP addresses without a port.
type Authenticator struct {
	store    *credstore.Store
	ended    *endedsessions.Store
	verifier *password.Verifier
	throttle *throttle.Throttle
	audit    *auditLog
	basic    *basicCache
}

// New returns an Authenticator for the credentials in a store. Sessions that are in ended are no longer valid.
func New(store *credstore.Store, ended *endedsessions.Store, log *slog.Logger) *Authenticator {
	return &Authenticator{
		store: store, ended: ended, verifier: password.NewVerifier(), throttle: throttle.New(),
		audit: newAuditLog(log), basic: newBasicCache(),
	}
}

// AuthDisabled reports whether user authentication is off. Every client is Anonymous then.
func (a *Authenticator) AuthDisabled() bool { return a.store.Snapshot().AuthDisabled() }

// Login checks a password and begins a session.
// The error is ErrUnauthenticated, a *throttle.RateLimitedError, password.ErrBusy or ctx's.
func (a *Authenticator) Login(
	ctx context.Context, addr, name string, text secret.Text,
) (Principal, session.Cookie, error) {
	b := a.store.Snapshot()
	u, err := a.checkPassword(ctx, b, addr, name, text)
	if err != nil {
		return Principal{}, session.Cookie{}, err
	}
	now := time.Now()
	s := session.Session{User: u.Name, ID: session.NewID(), CredentialVersion: u.CredentialVersion(), Login: now.Unix()}
	cookie, err := s.Issue(b.SessionKey(), now)
	if err != nil {
		return Principal{}, session.Cookie{}, fmt.Errorf("session: %w", err)
	}
	a.audit.accepted("login", "login", u.Name, "user", u.Name, "role", u.Role, "address", addr)
	return userPrincipal(b, u, MethodSession), cookie, nil
}

// Password checks the password that a program sends with each request. The errors are those of Login.
func (a *Authenticator) Password(ctx context.Context, addr, name string, text secret.Text) (Principal, error) {
	b := a.store.Snapshot()
	u, exists := b.User(name)
	mac := a.basic.mac(u, text)
	if exists && a.basic.contains(mac, time.Now()) {
		return userPrincipal(b, u, MethodPassword), nil
	}
	u, err := a.checkPassword(ctx, b, addr, name, text)
	if err != nil {
		return Principal{}, err
	}
	a.basic.add(mac, time.Now())
	a.audit.used("password accepted", "basic", u.Name, "", addr, "role", u.Role)
	return userPrincipal(b, u, MethodPassword), nil
}

func (a *Authenticator) checkPassword(
	ctx context.Context, b *credstore.Snapshot, addr, name string, text secret.Text,
) (credstore.User, error) {
	err := a.throttle.Wait(name, addr, time.Now(), false) // a client that must wait takes no place in the queue
	if err == nil {
		if err = a.verifier.Acquire(ctx); err == nil {
			defer a.verifier.Release()
			err = a.throttle.Wait(name, addr, time.Now(), true) // other attempts may have failed meanwhile
		}
	}
	if err != nil {
		a.audit.refused(MethodPassword, addr, name, err)
		return credstore.User{}, err
	}
	u, exists := b.User(name)
	if !a.verifier.Verify(u.Hash, exists, text) {
		a.throttle.Failed(name, addr, time.Now())
		a.audit.refused(MethodPassword, addr, name, errWrongPassword)
		return credstore.User{}, ErrUnauthenticated
	}
	a.throttle.Succeeded(u.Name, addr, time.Now())
	return u, nil
}

func userPrincipal(b *credstore.Snapshot, u credstore.User, method string) Principal {
	return Principal{
		Set: b.Permissions(u), Name: u.Name, Method: method, credentialVersion: u.CredentialVersion(),
	}
}

// Token returns the principal of an API token, or ErrUnauthenticated.
func (a *Authenticator) Token(addr string, token secret.Text) (Principal, error) {
	p, err := tokenPrincipal(a.store.Snapshot(), token, time.Now())
	if err != nil {
		id, _, _ := apitoken.Parse(token)
		a.audit.refused(MethodToken, addr, id, err)
		return Principal{}, ErrUnauthenticated
	}
	a.audit.used("token accepted", "token", p.Name, p.token, addr, "token", p.token, "role", p.Role)
	return p, nil
}

// tokenPrincipal returns the principal of a token, or an error that says why it is not valid.
func tokenPrincipal(b *credstore.Snapshot, text secret.Text, now time.Time) (Principal, error) {
	id, proof, err := apitoken.Parse(text)
	if err != nil {
		return Principal{}, err
	}
	t, known := b.Token(id) // the sum of an unknown one is empty, and equal to none
	if !apitoken.Matches(proof, t.SHA256) || !known {
		return Principal{}, errors.New("the token is not known, or was removed")
	}
	if !t.Expires.IsZero() && !now.Before(t.Expires) {
		return Principal{}, fmt.Errorf("the token expired at %s", t.Expires.Format(time.RFC3339))
	}
	u, ok := b.User(t.Owner)
	if !ok {
		return Principal{}, errors.New("the token's owner is disabled")
	}
	p := userPrincipal(b, u, MethodToken)
	p.Set, p.token, p.expires = b.TokenPermissions(u, t), t.ID, t.Expires
	return p, nil
}

// Link returns the principal of a signed link to a camera, or ErrUnauthenticated.
// Ask the Principal whether the link is for the format too.
func (a *Authenticator) Link(addr, camera string, text secret.Text) (Principal, error) {
	key := a.store.Snapshot().LinkKey()
	l, err := signedlink.Verify(key, camera, text, time.Now())
	if err != nil {
		a.audit.refused(MethodLink, addr, camera, err)
		return Principal{}, ErrUnauthenticated
	}
	return Principal{
		Set: permission.ForLink(camera, l.Formats), Name: "link", Method: MethodLink,
		link: l, key: key, expires: l.Expires,
	}, nil
}

// Run logs each minute how many audit lines were suppressed, until ctx ends.
func (a *Authenticator) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.audit.refusals.Run(ctx) })
	g.Go(func() error { return a.audit.logins.Run(ctx) })
	return g.Wait()
}
