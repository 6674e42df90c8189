package publish

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/headerlimit"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
)

// refusedWait is how long the agent waits after the hub has refused it, or it the hub: neither will change its mind in a moment.
const refusedWait = 5 * time.Second

// maxMessage is how large a message to an agent may be, in bytes: settings, or another agent's status. A larger one, of
// up to 8 MiB, arrives empty.
const maxMessage = 128 << 10

// refusedAgain is how often that is said.
const refusedAgain = time.Minute

// Link says how to reach NATS.
type Link struct {
	URL        string // one or more NATS URLs joined by commas
	Name       string // of this connection
	Credential credential.Credential
	Trust      tlstrust.Settings
	Log        *slog.Logger

	// OnConnect is called after each connection, the first one included; OnDenied when the server refuses to have something published or subscribed, with
	// the subject. Both are called by a goroutine of nats.go.
	OnConnect func()
	OnDenied  func(subject string)
}

// Dial connects to NATS with the options that live video needs, and keeps trying for ever: a camera must come back by itself. It returns at once,
// connected or not. The error concerns the URL and the trust settings only.
func Dial(l Link) (*nats.Conn, error) {
	said := "" // the last reason for which no connection could be made; nats.go calls one handler at a time
	dialer := net.Dialer{Timeout: time.Second, KeepAlive: 5 * time.Second, Control: boundUnsent}
	limited := headerlimit.OptionsUpTo(maxMessage, l.URL, dialer, l.Trust)
	w := &waiter{log: l.Log, known: !l.Credential.IsZero(), trust: l.Trust}
	trusted, err := l.Trust.Options()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(l.URL, slices.Concat([]nats.Option{
		nats.Name(l.Name),
		nats.Timeout(time.Second),
		nats.FlusherTimeout(time.Second),   // a frozen server is a lost one after a second
		nats.PingInterval(2 * time.Second), // nothing is sent to a server that does not answer (see proof), so only this finds out that it is dead
		nats.MaxPingsOutstanding(1),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // the credential may be added, or come back, while the agent waits
		nats.CustomReconnectDelay(w.delay),
		nats.ReconnectBufSize(-1), // frames of before the outage must not be sent after it
		nats.ConnectHandler(func(nc *nats.Conn) {
			l.Log.Info("connected to NATS", "url", nc.ConnectedUrlRedacted())
			l.OnConnect()
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			said = ""
			l.Log.Info("connected to NATS again", "url", nc.ConnectedUrlRedacted())
			l.OnConnect()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				l.Log.Warn("connection to NATS lost, trying again until it returns", logkey.Err, err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			level := slog.LevelWarn
			if err.Error() == said {
				level = slog.LevelDebug
			}
			said = err.Error()
			l.Log.Log(context.Background(), level, "NATS cannot be reached yet, trying again", logkey.Err, err)
		}),
		nats.ErrorHandler((&asyncErrors{Link: l}).handle),
	}, limited, l.Credential.AgentOptions(), trusted)...)
	if err == nil {
		w.conn.Store(nc)
	}
	return nc, err
}

// asyncErrors logs the errors that nats.go reports, once a minute with their number: a flood causes many.
type asyncErrors struct {
	Link

	mu   sync.Mutex
	said time.Time // guarded by mu
	more int       // guarded by mu
}

func (a *asyncErrors) handle(_ *nats.Conn, sub *nats.Subscription, err error) {
	switch {
	case errors.Is(err, nats.ErrStaleConnection): // the disconnect handler says it
		return
	case errors.Is(err, nats.ErrAuthorization): // the waiter says it
		return
	case errors.Is(err, nats.ErrPermissionViolation):
		if _, subj, ok := strings.Cut(err.Error(), `"`); ok && a.OnDenied != nil {
			subj, _, _ = strings.Cut(subj, `"`)
			a.OnDenied(subj)
			return
		}
	}
	subj := ""
	if sub != nil {
		subj = sub.Subject
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.more++; time.Since(a.said) < refusedAgain {
		return
	}
	a.Log.Warn("NATS reports an error", logkey.Subject, subj, logkey.Err, err, "since_last", a.more)
	a.said, a.more = time.Now(), 0
}

// waiter decides how long to wait before the next attempt to connect, and says it if the agent is refused, or does not trust the server: nats.go has no handler for
// what goes wrong once a connection is made.
type waiter struct {
	log   *slog.Logger
	known bool // there is a credential
	trust tlstrust.Settings
	conn  atomic.Pointer[nats.Conn]
	said  time.Time // owned by the connection's goroutine
}

func (w *waiter) delay(int) time.Duration {
	nc := w.conn.Load()
	if nc == nil {
		return shortly()
	}
	what, remedy, err := "", "", nc.LastError()
	switch {
	case errors.Is(err, nats.ErrAuthorization) && w.known:
		what, remedy = "the hub refuses this agent: it knows nobody with this credential", "\"bramble-hub agent list\" at the hub shows who is known; \"bramble-hub agent add\" makes a credential"
	case errors.Is(err, nats.ErrAuthorization):
		what, remedy = "the hub refuses this agent: it asks for a credential", "\"bramble-hub agent add NAME\" at the hub makes one, to be given with --credential-file"
	default:
		if what, remedy = w.trust.Explain(err); what == "" {
			return shortly()
		}
		what = "this agent does not trust the hub, and sends it nothing: " + what
	}
	if now := time.Now(); now.Sub(w.said) >= refusedAgain {
		w.said = now
		w.log.Error(what+"; trying again", logkey.Err, err, "remedy", remedy)
	}
	return refusedWait + rand.N(refusedWait/5)
}

func shortly() time.Duration { return 250*time.Millisecond + rand.N(250*time.Millisecond) }
