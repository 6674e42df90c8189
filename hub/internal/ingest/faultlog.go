package ingest

import (
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
)

const (
	faultInterval = 10 * time.Second
	maxFaults     = 100
)

// faultLog logs dropped messages, each subject's at most once in faultInterval with the number of those left out: a broken agent must not fill the disk.
// Nor must one that makes up subjects: beyond maxFaults in that time they all count as one.
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
	f := l.of(subj, now)
	if now.Sub(f.said) < faultInterval {
		f.more++
		return
	}
	l.log.Warn("message dropped", logkey.Subject, subj, logkey.Err, err, "since_last", f.more+1)
	f.said, f.more = now, 0
}

// of returns the faults of a subject.
func (l *faultLog) of(subj string, now time.Time) *fault {
	if l.subjects[subj] == nil && len(l.subjects) >= maxFaults {
		maps.DeleteFunc(l.subjects, func(_ string, f *fault) bool { return now.Sub(f.said) >= faultInterval })
		if len(l.subjects) >= maxFaults {
			subj = "" // with all that are too many
		}
	}
	if l.subjects[subj] == nil {
		l.subjects[subj] = &fault{}
	}
	return l.subjects[subj]
}
