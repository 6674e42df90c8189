package natsserver

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/netutil"
)

// logger writes the server's log lines to slog. Its notices become debug lines: operators need not know of the server.
type logger struct {
	log              *slog.Logger
	failed           chan string // receives the first fatal message of the start
	started          atomic.Bool
	limiter          *loglimit.Limiter // lines about the server itself
	refusals         *loglimit.Limiter // lines about its clients, by address
	authLogsRefusals bool              // authenticator logs refusals
}

func (l *logger) Noticef(format string, v ...any) {
	l.log.Debug("nats: " + fmt.Sprintf(format, v...))
}

func (l *logger) Warnf(format string, v ...any) {
	l.logLimited(slog.LevelWarn, fmt.Sprintf(format, v...))
}

// logLimited logs the same line once a minute. An agent may repeat an error ten times a second, on a new connection
// each time.
func (l *logger) logLimited(level slog.Level, text string) {
	if ok, kept := l.allow(text); ok {
		l.log.Log(context.Background(), level, "nats: "+text, "kept_back", kept)
	}
}

// clientLines returns the bounds for lines about clients: one a minute about each address.
// The clients may be unauthenticated.
func clientLines(log *slog.Logger) loglimit.Config {
	c := loglimit.Refusals(log, "lines of NATS clients were not logged")
	c.Burst = 1
	return c
}

// allow reports whether a line may be logged. A line about a client begins with its address.
// The rest may contain text chosen by the client.
func (l *logger) allow(text string) (ok bool, keptBack int) {
	first, _, _ := strings.Cut(text, " ")
	if addr, err := netip.ParseAddrPort(first); err == nil {
		return l.refusals.Allow(netutil.AddressKey(addr.Addr().String()), time.Now())
	}
	return l.limiter.Allow(stripDigits(text), time.Now())
}

// stripDigits returns a line without numbers: its connection's port and number, sizes and times are others each time.
func stripDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}

// Fatalf does not end the process, unlike the server's own logger: Start returns the message. Later ones are logged.
func (l *logger) Fatalf(format string, v ...any) {
	if !l.started.Load() {
		select {
		case l.failed <- fmt.Sprintf(format, v...):
			return
		default:
		}
	}
	l.log.Error("nats: " + fmt.Sprintf(format, v...))
}

// Errorf limits lines about clients, which may be unauthenticated: they must not fill the log.
func (l *logger) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	if l.authLogsRefusals && strings.Contains(text, server.ErrAuthentication.Error()) {
		l.log.Debug("nats: " + text)
		return
	}
	if strings.Contains(text, "TLS handshake error: ") {
		if say, kept := l.allow(text); say {
			l.log.Warn("nats: "+text, "kept_back", kept, "remedy",
				"an agent that does not trust this hub's certificate says so itself, with what to do; others are "+
					"no clients of NATS")
		}
		return
	}
	if strings.Contains(text, "Violation -") {
		if say, kept := l.allow(text); say {
			l.log.Warn("nats: "+text, append(remedyOf(text), "kept_back", kept)...)
		}
		return
	}
	l.logLimited(slog.LevelError, text)
}

// remedyOf returns the remedy for a refused action, if it is known.
func remedyOf(text string) []any {
	if !strings.Contains(text, `"_INBOX_`) {
		return nil
	}
	return []any{
		"remedy", "a consumer's inbox prefix is _INBOX. and its public key, such as --inbox-prefix _INBOX.U...; " +
			"agents and older consumers use _INBOX_U...",
	}
}

func (l *logger) Debugf(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }

func (l *logger) Tracef(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }
