package agent

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/subject"
)

const (
	deniedAgain = time.Minute
	maxDenied   = 256
	anyAnswer   = "an answer" // no subject has a space
)

// denied remembers which subjects the hub does not let this agent use, and says so once a minute for each: every frame would be a line.
type denied struct {
	log   *slog.Logger
	space subject.Space

	mu   sync.Mutex
	said map[string]time.Time // by subject; guarded by mu
}

func newDenied(log *slog.Logger, space subject.Space) *denied {
	return &denied{log: log, space: space, said: make(map[string]time.Time)}
}

// note takes in that a subject was refused.
func (d *denied) note(subj string) {
	key, remedy := subj, "its credential is for other cameras: \"bramble-hub agent list\" at the hub shows for which"
	if !d.space.Owns(subj) && !strings.HasPrefix(subj, "$") {
		// A requester chooses the subject of the answer. All such subjects share one entry, so they cannot crowd out
		// other subjects.
		key = anyAnswer
		remedy = "a consumer that sends requests to this agent needs the inbox prefix _INBOX.KEY with its own public key, " +
			"such as --inbox-prefix _INBOX.U...; the agent itself needs _INBOX_KEY (docs/ref/wire.md)"
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	last, again := d.said[key]
	if again && time.Since(last) < deniedAgain || !again && len(d.said) >= maxDenied {
		return
	}
	d.said[key] = time.Now()
	d.log.Error("the hub does not let this agent use a subject", logkey.Subject, subj, "remedy", remedy)
}

// has reports whether a subject was refused within the last minute.
func (d *denied) has(subj string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, ok := d.said[subj]
	return ok && time.Since(last) < deniedAgain
}
