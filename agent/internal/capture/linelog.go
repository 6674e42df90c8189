package capture

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"

	"github.com/bramble-cam/bramble/shared/logkey"
)

// maxLogLine bounds one line of a command's standard error in the log, in bytes.
const maxLogLine = 1 << 10

// lineLog logs what is written to it line by line: the standard error of a command.
type lineLog struct {
	log *slog.Logger

	mu   sync.Mutex
	part []byte // the line so far, at most maxLogLine
	said string // the last line that was not empty
}

// Write never fails: a command must not stop because of its log.
func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for {
		line, rest, ended := bytes.Cut(p, []byte("\n"))
		l.part = append(l.part, line[:min(len(line), maxLogLine-len(l.part))]...)
		if !ended {
			return n, nil
		}
		l.flushLocked()
		p = rest
	}
}

func (l *lineLog) flushLocked() {
	// ffmpeg rewrites its progress line with carriage returns: only the last state of it counts.
	text := strings.TrimRight(string(l.part), "\r \t")
	text = strings.TrimSpace(text[strings.LastIndexByte(text, '\r')+1:])
	l.part = l.part[:0]
	if text == "" {
		return
	}
	l.said = text
	l.log.Info(text, logkey.Source, "exec")
}

// last returns the last line, also if it was not ended.
func (l *lineLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushLocked()
	return l.said
}
