package subprocess

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/logkey"
)

const (
	// maxLogLine bounds one line of a command's standard error in the log, in bytes.
	maxLogLine = 1 << 10

	// maxLogRate bounds how many lines of one command are logged in a second: ffmpeg in trouble writes thousands.
	maxLogRate = 20
)

// credentials are what a URL in a command line or in its output may tell, but a status that everybody can read must not.
var credentials = regexp.MustCompile(`://[^/\s]+@`)

// HideCredentials removes what URLs in s tell of a user and a password.
func HideCredentials(s string) string { return credentials.ReplaceAllString(s, "://xxxxx@") }

// lineLog logs line by line what a child says on its standard error. It belongs to one goroutine at a time.
type lineLog struct {
	log    *slog.Logger
	source string
	each   func(line string) slog.Level // nil: every line at Info

	part     []byte // the line so far, at most maxLogLine
	returned bool   // a carriage return has come: what follows takes the place of part
	said     string // the last line that was not empty

	second  time.Time // when the current second of counting began
	lines   int       // in this second
	leftOut int       // of them, not logged
}

// add takes more of what the child says.
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
	text = HideCredentials(text)
	l.said = text
	level := slog.LevelInfo
	if l.each != nil {
		level = l.each(text)
	}
	now := time.Now()
	if now.Sub(l.second) >= time.Second {
		l.tellLeftOut()
		l.second, l.lines = now, 0
	}
	if l.lines++; l.lines > maxLogRate {
		l.leftOut++
		return
	}
	l.log.Log(context.Background(), level, text, logkey.Source, l.source)
}

func (l *lineLog) tellLeftOut() {
	if l.leftOut > 0 {
		l.log.Info("more lines than are logged", "left_out", l.leftOut, logkey.Source, l.source)
	}
	l.leftOut = 0
}

// last ends the line at hand and returns the last one that was not empty.
func (l *lineLog) last() string {
	l.end()
	l.tellLeftOut()
	return l.said
}
