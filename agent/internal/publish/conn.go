package publish

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/logkey"
)

// Dial connects to NATS with the options that live video needs, and keeps trying for ever: a camera must come back by itself. It returns at once,
// connected or not. url is one or more NATS URLs joined by commas. onConnect is called, from a goroutine of nats.go, after each connection, the
// first one included. The error concerns the URL only.
func Dial(url, name string, log *slog.Logger, onConnect func()) (*nats.Conn, error) {
	said := "" // the last reason for which no connection could be made; nats.go calls one handler at a time
	dialer := &net.Dialer{Timeout: time.Second, KeepAlive: 5 * time.Second, Control: boundUnsent}
	return nats.Connect(url,
		nats.Name(name),
		nats.SetCustomDialer(dialer),
		nats.Timeout(time.Second),
		nats.FlusherTimeout(time.Second), // a frozen server is a lost one after a second
		nats.PingInterval(2*time.Second), // nothing is sent to a server that does not answer (see proof), so only this finds out that it is dead
		nats.MaxPingsOutstanding(1),
		nats.RetryOnFailedConnect(true),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(), // a server that is being set up may refuse for a while
		nats.ReconnectWait(250*time.Millisecond),
		nats.ReconnectJitter(250*time.Millisecond, 500*time.Millisecond),
		nats.ReconnectBufSize(-1), // frames of before the outage must not be sent after it
		nats.ConnectHandler(func(nc *nats.Conn) {
			log.Info("connected to NATS", "url", nc.ConnectedUrlRedacted())
			onConnect()
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			said = ""
			log.Info("connected to NATS again", "url", nc.ConnectedUrlRedacted())
			onConnect()
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("connection to NATS lost, trying again until it returns", logkey.Err, err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) {
			level := slog.LevelWarn
			if err.Error() == said {
				level = slog.LevelDebug
			}
			said = err.Error()
			log.Log(context.Background(), level, "NATS cannot be reached yet, trying again", logkey.Err, err)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrStaleConnection) {
				return // the disconnect handler says it
			}
			subj := ""
			if sub != nil {
				subj = sub.Subject
			}
			log.Warn("NATS reports an error", logkey.Subject, subj, logkey.Err, err)
		}),
	)
}
