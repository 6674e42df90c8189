package agent

import (
	"log/slog"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/shared/logkey"
)

const (
	deniedAgain = time.Minute
	maxDenied   = 256
)

// denied remembers which subjects the hub does not let this agent use, and says so once a minute for each: every frame would be a line.
type denied struct {
	log *slog.Logger

	mu   sync.Mutex
	said map[string]time.Time // by subject; guarded by mu
}

func newDenied(log *slog.Logger) *denied { return &denied{log: log, said: make(map[string]time.Time)} }

// note takes in that a subject was refused.
func (d *denied) note(subj string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, again := d.said[subj]
	if again && time.Since(last) < deniedAgain || !again && len(d.said) >= maxDenied {
		return
	}
	d.said[subj] = time.Now()
	d.log.Error("the hub does not let this agent use a subject", logkey.Subject, subj,
		"remedy", "its credential is for other cameras: \"bramble-hub agent list\" at the hub shows for which")
}

// has reports whether a subject was refused within the last minute.
func (d *denied) has(subj string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	last, ok := d.said[subj]
	return ok && time.Since(last) < deniedAgain
}
