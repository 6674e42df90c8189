package auth

import (
	"log/slog"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/printable"
)

const (
	// useInterval is how often the use of one proof from one address is logged.
	useInterval = time.Hour

	// maxUses bounds how many uses are remembered. A client without a valid proof adds none.
	maxUses = 4096
)

// auditLog writes audit lines about clients, of a limited number.
// Successes have limits of their own, which an unauthenticated client cannot use up.
type auditLog struct {
	log      *slog.Logger
	refusals *loglimit.Limiter // by address
	uses     *loglimit.Limiter // by user, proof and address
	logins   *loglimit.Limiter // by user
}

func newAuditLog(log *slog.Logger) *auditLog {
	return &auditLog{
		log:      log,
		refusals: loglimit.New(loglimit.Refusals(log, "refusals were not logged")),
		uses:     loglimit.New(loglimit.Config{Keys: maxUses, Burst: 1, Interval: useInterval}),
		logins: loglimit.New(loglimit.Config{
			Keys: maxUses, Burst: 60, Interval: 15 * time.Second,
			Log: log, Text: "logins of a user were not logged", Key: "user",
		}),
	}
}

// refused writes a line about a refusal. Lines are limited by address, never by text that the client chose.
func (l *auditLog) refused(method, addr, name string, why error) {
	if ok, suppressed := l.refusals.Allow(netutil.AddressKey(addr), time.Now()); ok {
		args := []any{
			"audit", "refused", "by", method, "address", addr, logkey.Reason, why.Error(), "kept_back", suppressed,
		}
		switch method {
		case MethodLink:
			args = append(args, logkey.Camera, printable.Short(name))
		case MethodToken:
			args = append(args, "token", printable.Short(name))
		default:
			args = append(args, "user", printable.Short(name))
		}
		l.log.Warn("refused", args...)
	}
}

// accepted writes a line about an action of a known user. One user cannot use up the lines of others.
func (l *auditLog) accepted(text, event, user string, args ...any) {
	if ok, _ := l.logins.Allow(user, time.Now()); ok {
		l.log.Info(text, append([]any{"audit", event}, args...)...)
	}
}

// used writes a line when a proof is used from an address for the first time, and then once an hour.
func (l *auditLog) used(text, event, user, id, addr string, args ...any) {
	if ok, n := l.uses.Allow(event+" "+user+" "+id+" "+netutil.AddressKey(addr), time.Now()); ok {
		l.accepted(text, event, user, append([]any{"user", user, "address", addr, "uses", n + 1}, args...)...)
	}
}
