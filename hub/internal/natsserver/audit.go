package natsserver

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/loglimit"
)

// auditConns writes audit lines about agents and consumers that connect and disconnect.
// nats-server does not report which frames a consumer receives. So the lines list the cameras that it may receive.
type auditConns struct {
	log     *slog.Logger
	limiter *loglimit.Limiter

	mu   sync.Mutex
	open map[uint64]*auditConn // by connection id; guarded by mu
}

type auditConn struct {
	args []any // attributes of its audit lines
	from time.Time
}

func newAuditConns(log *slog.Logger) *auditConns {
	c := loglimit.Config{
		Keys: 1024, Burst: 20, Interval: time.Minute, Log: log, Text: "connections to NATS were not logged",
		Key: "name",
	}
	return &auditConns{log: log, limiter: loglimit.New(c), open: make(map[uint64]*auditConn)}
}

// connected records a connection of an agent or a consumer.
func (l *auditConns) connected(c server.ClientAuthentication, p credstore.NATSClient, now time.Time) {
	name, cameras := string(p.Kind)+":"+p.Name, strings.Join(p.Cameras, ",")
	if p.All {
		cameras = "*"
	}
	conn := &auditConn{[]any{"name", name, "key", p.Key, "cameras", cameras, "address", host(c.RemoteAddress())}, now}
	l.mu.Lock()
	l.open[c.GetID()] = conn
	l.mu.Unlock()
	if ok, _ := l.limiter.Allow(name, now); ok {
		l.log.Info("connected to NATS", append([]any{"audit", "connect"}, conn.args...)...)
	}
}

// ids returns the ids of all recorded connections.
func (l *auditConns) ids() (ids []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.open {
		ids = append(ids, id)
	}
	return ids
}

// closed records which of the known connections are still open.
func (l *auditConns) closed(known []uint64, open map[uint64]bool, now time.Time) {
	for _, id := range known {
		if open[id] {
			continue
		}
		l.mu.Lock()
		conn := l.open[id]
		delete(l.open, id)
		l.mu.Unlock()
		if conn == nil {
			continue
		}
		if name, _ := conn.args[1].(string); l.allow(name, now) {
			l.log.Info("disconnected from NATS", append([]any{
				"audit", "disconnect", "from", conn.from.UTC().Format(time.RFC3339), "to",
				now.UTC().Format(time.RFC3339),
			}, conn.args...)...)
		}
	}
}

func (l *auditConns) allow(name string, now time.Time) bool {
	ok, _ := l.limiter.Allow(name, now)
	return ok
}
