package natsd

import (
	"fmt"
	"log/slog"
	"sync/atomic"
)

// logger hands the server's log lines to slog. The server's notices are the hub's debug lines: a user need not know that there is a server.
type logger struct {
	log     *slog.Logger
	failed  chan string // gets the first fatal message of the start
	started atomic.Bool
}

func (l *logger) Noticef(format string, v ...any) {
	l.log.Debug("nats: " + fmt.Sprintf(format, v...))
}

func (l *logger) Warnf(format string, v ...any) { l.log.Warn("nats: " + fmt.Sprintf(format, v...)) }

// Fatalf does not end the process, unlike the server's own logger: Start returns the message, and what comes later is logged.
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

func (l *logger) Errorf(format string, v ...any) { l.log.Error("nats: " + fmt.Sprintf(format, v...)) }

func (l *logger) Debugf(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }

func (l *logger) Tracef(format string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(format, v...)) }
