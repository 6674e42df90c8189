package capture

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/shared/logkey"
)

const (
	// maxLogLine bounds one line of a command's standard error in the log, in bytes.
	maxLogLine = 1 << 10

	// maxLogRate bounds how many lines of one command are logged in a second: ffmpeg in trouble writes thousands.
	maxLogRate = 20
)

// lineLog logs what is written to it line by line: the standard error of a command.
type lineLog struct {
	log *slog.Logger

	mu       sync.Mutex
	part     []byte // the line so far, at most maxLogLine
	returned bool   // a carriage return has come: what follows takes the place of part
	said     string // the last line that was not empty

	second  time.Time // when the current second of counting began
	lines   int       // in this second
	leftOut int       // of them, not logged
}

// Write never fails: a command must not stop because of its log.
func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexAny(p, "\r\n")
		if i < 0 {
			l.addLocked(p)
			break
		}
		l.addLocked(p[:i])
		if p[i] == '\n' {
			l.endLocked()
		} else { // ffmpeg rewrites its progress line: only the last state of it counts
			l.returned = true
		}
		p = p[i+1:]
	}
	return n, nil
}

func (l *lineLog) addLocked(text []byte) {
	if len(text) == 0 {
		return
	}
	if l.returned {
		l.part, l.returned = l.part[:0], false
	}
	l.part = append(l.part, text[:min(len(text), maxLogLine-len(l.part))]...)
}

func (l *lineLog) endLocked() {
	text := strings.TrimSpace(strings.ToValidUTF8(string(l.part), "?"))
	l.part, l.returned = l.part[:0], false
	if text == "" {
		return
	}
	text = hideCredentials(text)
	l.said = text
	now := time.Now()
	if now.Sub(l.second) >= time.Second {
		l.tellLeftOutLocked()
		l.second, l.lines = now, 0
	}
	if l.lines++; l.lines > maxLogRate {
		l.leftOut++
		return
	}
	l.log.Info(text, logkey.Source, "exec")
}

func (l *lineLog) tellLeftOutLocked() {
	if l.leftOut > 0 {
		l.log.Info("more lines than are logged", "left_out", l.leftOut, logkey.Source, "exec")
	}
	l.leftOut = 0
}

// last ends the line at hand and returns the last one that was not empty.
func (l *lineLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endLocked()
	l.tellLeftOutLocked()
	return l.said
}
