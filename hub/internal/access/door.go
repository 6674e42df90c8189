package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/secret"
)

// ErrUnauthenticated says that a proof is wrong. Why stands in the log, not here: a guesser must not learn what was wrong.
var ErrUnauthenticated error = problem.Kind{
	Text: "invalid or expired credentials", Title: "Authentication required", Status: http.StatusUnauthorized,
}

// errWrongPassword is for the log only.
var errWrongPassword = errors.New("user name or password is wrong")

// RateLimitedError says that there were too many wrong passwords, and when the next one is checked.
type RateLimitedError struct {
	After time.Duration
	Why   string
}

func (e *RateLimitedError) Error() string {
	return fmt.Sprintf("%s: try again in %v", e.Why, max(time.Second, e.After.Round(time.Second)))
}

// Problem implements problem.Describer.
func (e *RateLimitedError) Problem() problem.Problem {
	return problem.Problem{
		Title: "Too many wrong passwords", Status: http.StatusTooManyRequests,
		RetryAfter: int((e.After + time.Second - 1) / time.Second),
	}
}

const (
	// basicLife is how long a password that was right is known to be: programs send it with each request, and a check takes 19 MiB.
	basicLife = 5 * time.Minute

	maxBasic = 256

	// useInterval is how often the use of one proof from one address is logged.
	useInterval = time.Hour

	// maxUses bounds how many uses are remembered. A client without a valid proof adds none.
	maxUses = 4096
)

// Authenticator asks people and programs who they are. It keeps an audit line for each login and each refusal. Addresses are IP addresses without a port.
type Authenticator struct {
	store    *Store
	log      *slog.Logger
	verifier *verifier
	guesses  *guesses
	sessions sessions
	refusals *loglimit.Limiter // by address
	uses     *loglimit.Limiter // by user, proof and address
	logins   *loglimit.Limiter // by user
	key      []byte            // of known, random

	mu    sync.Mutex
	known map[[sha256.Size]byte]time.Time // passwords that were right, by their MAC under key, and until when; guarded by mu
}

// NewAuthenticator returns a Door for the credentials that k holds.
func NewAuthenticator(k *Store, log *slog.Logger) *Authenticator {
	d := &Authenticator{
		store: k, log: log, verifier: newVerifier(), guesses: newGuesses(), sessions: sessions{k.ended},
		refusals: loglimit.New(loglimit.Refusals(log, "refusals were not logged")),
		uses:     loglimit.New(loglimit.Config{Keys: maxUses, Burst: 1, Interval: useInterval}),
		logins: loglimit.New(loglimit.Config{
			Keys: maxUses, Burst: 60, Interval: 15 * time.Second,
			Log: log, Text: "logins of a user were not logged", Key: "user",
		}),
		key: make([]byte, 32), known: make(map[[sha256.Size]byte]time.Time),
	}
	_, _ = rand.Read(d.key) // never fails
	return d
}

// AuthDisabled reports whether nobody is asked, since there are no users: agents and consumers come by NATS, and cannot log in. Those who come are Everybody then.
func (d *Authenticator) AuthDisabled() bool { return d.store.Snapshot().Open() }

// Login checks a password and begins a session. The error is ErrUnauthenticated, a *RateLimitedError, ErrBusy or ctx's.
func (d *Authenticator) Login(ctx context.Context, addr, name string, password secret.Text) (Principal, Cookie, error) {
	b := d.store.Snapshot()
	u, err := d.checkPassword(ctx, b, addr, name, password)
	if err != nil {
		return Principal{}, Cookie{}, err
	}
	cookie, err := d.sessions.begin(b, u, time.Now())
	if err != nil {
		return Principal{}, Cookie{}, fmt.Errorf("session: %w", err)
	}
	d.accepted("login", "login", u.Name, "user", u.Name, "role", u.Role, "address", addr)
	return b.principal(u, MethodSession), cookie, nil
}

// Password checks the password that a program sends with each request. The errors are those of Login.
func (d *Authenticator) Password(ctx context.Context, addr, name string, password secret.Text) (Principal, error) {
	b := d.store.Snapshot()
	u, exists := b.user(name)
	mac := d.mac(u, password)
	if exists && d.isKnown(mac, time.Now()) {
		return b.principal(u, MethodPassword), nil
	}
	u, err := d.checkPassword(ctx, b, addr, name, password)
	if err != nil {
		return Principal{}, err
	}
	d.remember(mac, time.Now())
	d.used("password accepted", "basic", u.Name, "", addr, "role", u.Role)
	return b.principal(u, MethodPassword), nil
}

func (d *Authenticator) mac(u User, password secret.Text) (sum [sha256.Size]byte) {
	m := hmac.New(sha256.New, d.key)
	m.Write([]byte(u.generation() + "\x00" + u.Name + "\x00" + password.Reveal()))
	m.Sum(sum[:0])
	return sum
}

func (d *Authenticator) isKnown(mac [sha256.Size]byte, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return now.Before(d.known[mac])
}

func (d *Authenticator) remember(mac [sha256.Size]byte, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.known) >= maxBasic {
		clear(d.known)
	}
	d.known[mac] = now.Add(basicLife)
}

func (d *Authenticator) checkPassword(ctx context.Context, b *Snapshot, addr, name string, password secret.Text) (User, error) {
	err := d.guesses.wait(name, addr, time.Now(), false) // a client that must wait takes no place in the queue
	if err == nil {
		if err = d.verifier.enter(ctx); err == nil {
			defer d.verifier.leave()
			err = d.guesses.wait(name, addr, time.Now(), true) // other attempts may have failed meanwhile
		}
	}
	if err != nil {
		d.refuse(MethodPassword, addr, name, err)
		return User{}, err
	}
	u, exists := b.user(name)
	if !d.verifier.verify(u, exists, password) {
		d.guesses.failed(name, addr, time.Now())
		d.refuse(MethodPassword, addr, name, errWrongPassword)
		return User{}, ErrUnauthenticated
	}
	d.guesses.succeeded(u.Name, addr, time.Now())
	return u, nil
}

// Token returns for whom an API token speaks, or ErrUnauthenticated.
func (d *Authenticator) Token(addr string, token secret.Text) (Principal, error) {
	p, err := d.store.Snapshot().token(token, time.Now())
	if err != nil {
		id, _, _ := ParseToken(token)
		d.refuse(MethodToken, addr, id, err)
		return Principal{}, ErrUnauthenticated
	}
	d.used("token accepted", "token", p.Name, p.token, addr, "token", p.token, "role", p.Role)
	return p, nil
}

// Link returns who comes with a signed link to a camera, or ErrUnauthenticated. Ask the Principal whether the link is for the format too.
func (d *Authenticator) Link(addr, camera string, link secret.Text) (Principal, error) {
	p, err := d.store.Snapshot().link(camera, link, time.Now())
	if err != nil {
		d.refuse(MethodLink, addr, camera, err)
		return Principal{}, ErrUnauthenticated
	}
	return p, nil
}

// Session returns whose session a cookie belongs to, or ErrUnauthenticated. If there is a renewed cookie, it should take the place of the old one.
func (d *Authenticator) Session(addr string, cookie secret.Text) (p Principal, renewed *Cookie, err error) {
	p, renewed, err = d.sessions.check(d.store.Snapshot(), cookie, time.Now())
	if err != nil {
		d.refuse(MethodSession, addr, "", err)
		return Principal{}, nil, ErrUnauthenticated
	}
	return p, renewed, nil
}

// Logout ends the session of a cookie, with all its cookies. One that is no good is ended already.
// Once it has returned, a restart of the hub does not undo it.
func (d *Authenticator) Logout(addr string, cookie secret.Text) {
	user, err := d.sessions.end(d.store.Snapshot(), cookie)
	if err == nil {
		d.accepted("logout", "logout", user, "user", user, "address", addr)
	}
}

// refuse writes an audit line about a refusal. Lines are limited by address, never by text that the client chose.
// The number of suppressed lines is logged each minute.
// Successes have limits of their own, which an unauthenticated client cannot use up.
func (d *Authenticator) refuse(by, addr, name string, why error) {
	if ok, kept := d.refusals.Allow(netutil.AddressKey(addr), time.Now()); ok {
		args := []any{"audit", "refused", "by", by, "address", addr, logkey.Reason, why.Error(), "kept_back", kept}
		switch by {
		case MethodLink:
			args = append(args, logkey.Camera, printable.Short(name))
		case MethodToken:
			args = append(args, "token", printable.Short(name))
		default:
			args = append(args, "user", printable.Short(name))
		}
		d.log.Warn("refused", args...)
	}
}

// accepted writes an audit line about an action of a known user. One user cannot use up the lines of others.
func (d *Authenticator) accepted(text, event, user string, args ...any) {
	if ok, _ := d.logins.Allow(user, time.Now()); ok {
		d.log.Info(text, append([]any{"audit", event}, args...)...)
	}
}

// used writes an audit line when a proof is used from an address for the first time, and then once an hour.
func (d *Authenticator) used(text, event, user, id, addr string, args ...any) {
	if ok, n := d.uses.Allow(event+" "+user+" "+id+" "+netutil.AddressKey(addr), time.Now()); ok {
		d.accepted(text, event, user, append([]any{"user", user, "address", addr, "uses", n + 1}, args...)...)
	}
}

// Run logs each minute how many audit lines were suppressed, until ctx ends.
func (d *Authenticator) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.refusals.Run(ctx) })
	g.Go(func() error { return d.logins.Run(ctx) })
	return g.Wait()
}
