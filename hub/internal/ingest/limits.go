package ingest

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/printable"
)

// Limits of what may wait, of all cameras, before it is looked at.
const (
	maxStatuses    = 16384
	maxStatusBytes = 16 << 20

	// maxInfo bounds a micro service's answer to discovery, in bytes. A camera's answer has about a tenth of that.
	maxInfo = 16 << 10

	// maxReason is how much is kept of an agent's words for a refusal.
	maxReason = 1 << 10
)

func decodeInfo(data []byte) (info micro.Info, err error) {
	if len(data) > maxInfo {
		return info, fmt.Errorf("a micro service's info of %d bytes: at most %d are taken", len(data), maxInfo)
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return info, fmt.Errorf("the info of a micro service: %s", printable.Line(err.Error(), maxReason))
	}
	return info, nil
}

// dropInterval is how long after a dropped message of a subject was logged another one is.
const dropInterval = 10 * time.Second

// dropLog logs dropped messages, with the number of those of the same subject that were not logged.
type dropLog struct {
	log   *slog.Logger
	limit *loglimit.Limiter
}

// newDropLog returns a log that a broken agent cannot fill, even if it makes up subjects: ten lines a second at most.
func newDropLog(log *slog.Logger) *dropLog {
	return &dropLog{log, loglimit.New(loglimit.Config{
		Keys: 100, Burst: 1, Interval: dropInterval, TotalBurst: 100, TotalInterval: dropInterval / 100,
	})}
}

func (l *dropLog) report(subj string, err error) {
	if ok, suppressed := l.limit.Allow(subj, time.Now()); ok {
		l.log.Warn("message dropped", logkey.Subject, subj, logkey.Err, err, "since_last", suppressed+1)
	}
}
