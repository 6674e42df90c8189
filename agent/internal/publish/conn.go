package publish

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/natsconn"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/headerlimit"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
)

// defaultRefusedDelay is long because an operator has to change a setting before the next attempt can succeed.
const defaultRefusedDelay = 5 * time.Second

// maxMessage is how large a message to an agent may be, in bytes: settings, or another agent's status. A larger one, of
// up to 8 MiB, arrives empty.
const maxMessage = 128 << 10

// ConnConfig says how to reach NATS.
type ConnConfig struct {
	URL        string // one or more NATS URLs joined by commas
	Name       string // of this connection
	Credential credential.Credential
	Trust      tlstrust.Settings
	Log        *slog.Logger

	// RefusedDelay is how long to wait after the hub refuses the agent or the agent the hub; 0 means 5 seconds.
	RefusedDelay time.Duration

	// NoCredential is the remedy if the hub asks for a credential and there is none.
	NoCredential string

	// OnConnect is called after each connection, the first one included. OnDenied is called with the subject when the
	// server refuses to have something published or subscribed. Both are called by a goroutine of nats.go.
	OnConnect func()
	OnDenied  func(subject string)
}

// Dial connects to NATS with the options that live video needs, and never stops trying: a camera must come back by
// itself. It returns at once, connected or not. The error is about the URL and the trust settings only.
func Dial(c ConnConfig) (*nats.Conn, error) {
	lastErr := "" // of an attempt to connect; nats.go calls one handler at a time
	dialer := net.Dialer{Timeout: time.Second, KeepAlive: 5 * time.Second, Control: boundUnsent}
	limited := headerlimit.OptionsUpTo(maxMessage, c.URL, dialer, c.Trust)
	policy := natsconn.NewReconnectPolicy(c.Log, c.explainRefusal)
	policy.RefusedDelay = cmp.Or(c.RefusedDelay, defaultRefusedDelay)
	trusted, err := c.Trust.Options()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(c.URL, slices.Concat([]nats.Option{
		nats.Name(c.Name),
		nats.Timeout(time.Second),
		nats.FlusherTimeout(time.Second), // a frozen server counts as lost after a second
		// No frames go to a silent server (see liveness), so only PINGs detect a dead one.
		nats.PingInterval(2 * time.Second),
		nats.MaxPingsOutstanding(1),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // the credential may be added, or come back, while the agent waits
		nats.CustomReconnectDelay(policy.Delay),
		nats.ReconnectBufSize(-1), // frames from before an outage must not be sent after it
		nats.ConnectHandler(func(nc *nats.Conn) {
			c.Log.Info("connected to NATS", "url", nc.ConnectedUrlRedacted())
			c.OnConnect()
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			lastErr = ""
			c.Log.Info("connected to NATS again", "url", nc.ConnectedUrlRedacted())
			c.OnConnect()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.Log.Warn("connection to NATS lost, trying again until it returns", logkey.Err, err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			level := slog.LevelWarn
			if err.Error() == lastErr {
				level = slog.LevelDebug
			}
			lastErr = err.Error()
			c.Log.Log(context.Background(), level, "NATS cannot be reached yet, trying again", logkey.Err, err)
		}),
		nats.ErrorHandler(newAsyncErrors(c).handle),
	}, limited, c.Credential.AgentOptions(), trusted)...)
	if err == nil {
		policy.SetConn(nc)
	}
	return nc, err
}

// asyncErrors logs the errors that nats.go reports, once a minute with their number: a flood causes many.
type asyncErrors struct {
	cfg   ConnConfig
	limit *loglimit.Limiter
}

func newAsyncErrors(cfg ConnConfig) *asyncErrors {
	return &asyncErrors{cfg: cfg, limit: loglimit.New(loglimit.Notices())}
}

func (a *asyncErrors) handle(_ *nats.Conn, sub *nats.Subscription, err error) {
	switch {
	case errors.Is(err, nats.ErrStaleConnection): // the disconnect handler logs it
		return
	case errors.Is(err, nats.ErrAuthorization): // the reconnect policy logs it
		return
	case errors.Is(err, nats.ErrPermissionViolation):
		if _, subj, ok := strings.Cut(err.Error(), `"`); ok && a.cfg.OnDenied != nil {
			subj, _, _ = strings.Cut(subj, `"`)
			a.cfg.OnDenied(subj)
			return
		}
	}
	subj := ""
	if sub != nil {
		subj = sub.Subject
	}
	if ok, suppressed := a.limit.Allow("", time.Now()); ok {
		a.cfg.Log.Warn("NATS reports an error", logkey.Subject, subj, logkey.Err, err, "since_last", suppressed+1)
	}
}

// explainRefusal returns why the hub refuses this agent or this agent the hub, and the remedy. Of other errors it
// returns nothing.
func (c ConnConfig) explainRefusal(err error) (what string, remedy error) {
	switch {
	case errors.Is(err, nats.ErrAuthorization) && !c.Credential.IsZero():
		return "the hub refuses this agent: it does not know this credential",
			errors.New("\"bramble-hub agent list\" at the hub shows the known agents; " +
				"\"bramble-hub agent add\" makes a credential")
	case errors.Is(err, nats.ErrAuthorization):
		return "the hub refuses this agent: it asks for a credential", errors.New(c.NoCredential)
	}
	if what, remedy = c.Trust.Explain(err); what != "" {
		what = "this agent does not trust the hub, and sends it nothing: " + what
	}
	return what, remedy
}
