package agent

import (
	"log/slog"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/shared/subject"
)

const (
	deniedInterval    = time.Minute
	maxDeniedSubjects = 256
	anyReply          = "any reply subject" // no subject has a space
)

// permissions remembers which subjects the hub does not let this agent use. It logs each once a minute: otherwise every
// frame would be a line.
type permissions struct {
	log   *slog.Logger
	space subject.Space
	limit *loglimit.Limiter

	mu         sync.Mutex
	lastDenied map[string]time.Time // by subject; guarded by mu
}

func newPermissions(log *slog.Logger, space subject.Space) *permissions {
	return &permissions{
		log: log, space: space, lastDenied: make(map[string]time.Time),
		limit: loglimit.New(loglimit.Config{Keys: maxDeniedSubjects, Burst: 1, Interval: deniedInterval}),
	}
}

// denied notes that the hub has refused a subject.
func (p *permissions) denied(subj string) {
	key, remedy := subj, "its credential is for other cameras: \"bramble-hub agent list\" at the hub shows for which"
	if !p.space.Owns(subj) && !strings.HasPrefix(subj, "$") {
		// A requester chooses the subject of the answer. All such subjects share one entry, so they cannot crowd out
		// other subjects.
		key = anyReply
		remedy = "a consumer that sends requests to this agent needs the inbox prefix _INBOX.KEY with its own public " +
			"key, " +
			"such as --inbox-prefix _INBOX.U...; the agent itself needs _INBOX_KEY (docs/ref/wire.md)"
	}
	now := time.Now()
	p.remember(key, now)
	if ok, _ := p.limit.Allow(key, now); ok {
		p.log.Error("the hub does not let this agent use a subject", logkey.Subject, subj, "remedy", remedy)
	}
}

func (p *permissions) remember(key string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.lastDenied[key]; !known && len(p.lastDenied) >= maxDeniedSubjects {
		maps.DeleteFunc(p.lastDenied, func(_ string, at time.Time) bool { return now.Sub(at) >= deniedInterval })
		if len(p.lastDenied) >= maxDeniedSubjects {
			return
		}
	}
	p.lastDenied[key] = now
}

// isDenied reports whether the hub has refused a subject within the last minute.
func (p *permissions) isDenied(subj string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.lastDenied[subj]
	return ok && time.Since(at) < deniedInterval
}
