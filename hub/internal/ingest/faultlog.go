package ingest

import (
	"log/slog"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/shared/logkey"
)

const (
	faultInterval = 10 * time.Second
	maxFaults     = 1024
)

// faultLog logs broken messages, each subject's at most once in faultInterval with the number of those left out: a broken agent must not fill the disk.
type faultLog struct {
	log *slog.Logger

	mu       sync.Mutex
	subjects map[string]*fault
}

type fault struct {
	said time.Time
	more int
}

func newFaultLog(log *slog.Logger) *faultLog {
	return &faultLog{log: log, subjects: make(map[string]*fault)}
}

func (l *faultLog) report(subj string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	f := l.subjects[subj]
	if f == nil {
		if len(l.subjects) >= maxFaults { // somebody makes up subjects: start again
			clear(l.subjects)
		}
		f = &fault{}
		l.subjects[subj] = f
	}
	if now.Sub(f.said) < faultInterval {
		f.more++
		return
	}
	l.log.Warn("message refused", logkey.Subject, subj, logkey.Err, err, "since_last", f.more+1)
	f.said, f.more = now, 0
}
