package subprocess

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
)

const (
	// maxLogLine bounds one line of a child's standard error in the log, in bytes.
	maxLogLine = 1 << 10

	// maxLogRate bounds how many lines of a child are logged in a second, and how many at once. A failing ffmpeg
	// writes thousands.
	maxLogRate = 20
)

// credentials finds user and password in a URL. A status, which every consumer can read, must not contain them.
var credentials = regexp.MustCompile(`://[^/\s]+@`)

// RedactURLs replaces user and password in the URLs in s.
func RedactURLs(s string) string { return credentials.ReplaceAllString(s, "://xxxxx@") }

// lineLog logs a child's standard error line by line. It belongs to one goroutine at a time.
type lineLog struct {
	log    *slog.Logger
	source string
	onLine func(line string) slog.Level // nil: every line at Info

	part     []byte // the line so far, at most maxLogLine
	returned bool   // a carriage return has come: what follows takes the place of part
	lastLine string // the last line that was not empty

	limit *loglimit.Limiter
}

func newLineLog(cfg Config) *lineLog {
	return &lineLog{
		log: cfg.Log, source: cfg.Source, onLine: cfg.OnStderr,
		limit: loglimit.New(loglimit.Config{Keys: 1, Burst: maxLogRate, Interval: time.Second / maxLogRate}),
	}
}

// add takes more of the child's standard error.
func (l *lineLog) add(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			l.append(p)
			break
		}
		l.append(p[:i])
		if p[i] == '\n' {
			l.end()
		} else { // ffmpeg rewrites its progress line: only the last state of it counts
			l.returned = true
		}
		p = p[i+1:]
	}
}

func (l *lineLog) append(text []byte) {
	if len(text) == 0 {
		return
	}
	if l.returned {
		l.part, l.returned = l.part[:0], false
	}
	l.part = append(l.part, text[:min(len(text), maxLogLine-len(l.part))]...)
}

func (l *lineLog) end() {
	text := strings.TrimSpace(strings.ToValidUTF8(string(l.part), "?"))
	l.part, l.returned = l.part[:0], false
	if text == "" {
		return
	}
	text = RedactURLs(text)
	l.lastLine = text
	level := slog.LevelInfo
	if l.onLine != nil {
		level = l.onLine(text)
	}
	ok, suppressed := l.limit.Allow("", time.Now())
	if !ok {
		return
	}
	l.logSuppressed(suppressed)
	l.log.Log(context.Background(), level, text, logkey.Source, l.source)
}

func (l *lineLog) logSuppressed(lines int) {
	if lines > 0 {
		l.log.Info("further lines suppressed", "left_out", lines, logkey.Source, l.source)
	}
}

// last ends the current line and returns the last one that was not empty.
func (l *lineLog) last() string {
	l.end()
	l.logSuppressed(l.limit.Suppressed(""))
	return l.lastLine
}
