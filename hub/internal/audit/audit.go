// Package audit keeps log lines that have the attribute audit in a file of their own, as JSON lines, and reads them
// back.
package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/shared/logkey"
)

const (
	// MaxSize is how large the file becomes, in bytes, before it is renamed and begun anew.
	MaxSize = 16 << 20

	// Keep is how many older files are kept.
	Keep = 7

	maxQueue = 4096     // lines
	maxBatch = 64 << 10 // bytes
	maxLine  = 64 << 10 // bytes

	lookInterval = time.Second
)

// Log writes audit lines to a file. Those who log never wait for it: lines that come faster than the disk takes them
// are counted.
type Log struct {
	name    string
	log     *slog.Logger // for troubles with the file
	queue   chan []byte
	lost    atomic.Uint64
	maxSize int64

	// Of Run's goroutine.
	f     *os.File // nil: it cannot be written now
	size  int64
	torn  bool // the last line was not written whole
	dirty bool
	said  string // the trouble that was logged last
}

// New returns a Log to a file, for lines that are logged to log. It opens nothing.
func New(name string, log *slog.Logger) *Log {
	return &Log{name: name, log: log, queue: make(chan []byte, maxQueue), maxSize: MaxSize}
}

// Logger returns a logger that logs as the one of New does, and has audit lines written to the file, too.
func (l *Log) Logger() *slog.Logger { return slog.New(newHandler(l.log.Handler(), l)) }

// Write takes a line. It never waits, and keeps nothing of line.
func (l *Log) Write(line []byte) (int, error) {
	if len(line) <= maxLine {
		select {
		case l.queue <- bytes.Clone(line):
			return len(line), nil
		default:
		}
	}
	l.lost.Add(1)
	return len(line), nil
}

// Open opens the file, which it makes if there is none. Call it before Run.
func (l *Log) Open() error {
	f, size, torn, err := openFile(l.name)
	if err != nil {
		return err
	}
	l.f, l.size, l.torn = f, size, torn
	return nil
}

// openFile opens a file to append to it: no link, and no file that has another name elsewhere. What root makes
// belongs to the owner of the directory. torn says that its last line has no end.
func openFile(name string) (f *os.File, size int64, torn bool, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, 0, false, fmt.Errorf("audit log: %w: name another place with --audit-log", err)
	}
	f, err = os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, 0, false, fmt.Errorf("audit log: %w: let the user who runs this write there, or name another place with --audit-log", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = own(f, info)
	}
	if err != nil {
		return nil, 0, false, errors.Join(fmt.Errorf("audit log: %w", err), f.Close())
	}
	last := []byte{'\n'}
	_, _ = f.ReadAt(last, info.Size()-1) // an empty file has no line
	return f, info.Size(), last[0] != '\n', nil
}

func own(f *os.File, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular() || ok && st.Nlink > 1:
		return fmt.Errorf("%s is no plain file of its own: remove it", f.Name())
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s can be read by others than its owner (mode %04o): chmod 600 %s", f.Name(), info.Mode().Perm(), f.Name())
	case !ok || os.Geteuid() != 0:
		return nil
	}
	dir, err := os.Stat(filepath.Dir(f.Name()))
	if err != nil {
		return err
	}
	if want, ok := dir.Sys().(*syscall.Stat_t); ok && want.Uid != st.Uid {
		return f.Chown(int(want.Uid), int(want.Gid))
	}
	return nil
}

// Run writes until ctx ends, and then what waits. It owns the file.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	defer l.close()
	for {
		select {
		case <-ctx.Done():
			for len(l.queue) > 0 {
				l.write(<-l.queue)
			}
			l.tellLost()
			return nil
		case line := <-l.queue:
			l.write(line)
		case <-tick.C:
			l.look()
		}
	}
}

// write writes a line and those that wait with it.
func (l *Log) write(batch []byte) {
	count := uint64(1)
	for len(l.queue) > 0 && len(batch) < maxBatch {
		batch = append(batch, <-l.queue...)
		count++
	}
	if !l.put(batch) {
		l.lost.Add(count)
	}
}

// put appends to the file, and reports whether it did.
func (l *Log) put(text []byte) bool {
	if l.f == nil {
		return false
	}
	if l.torn { // by a full disk, or a crash: the reader finds out that it is no line
		text = append([]byte("\n"), text...)
	}
	n, err := l.f.Write(text)
	l.size += int64(n)
	if n > 0 {
		l.dirty, l.torn = true, n < len(text)
	}
	if err != nil {
		l.complain(err)
		l.close()
		return false
	}
	return true
}

// look has what was written on disk, opens the file anew if it was moved away or could not be written, and begins
// another one if it is large.
func (l *Log) look() {
	if l.dirty && l.f != nil {
		l.dirty = false
		if err := l.f.Sync(); err != nil {
			l.complain(err)
		}
	}
	if l.f != nil && l.moved() {
		l.close()
	} else if l.f != nil && l.size >= l.maxSize {
		l.close()
		l.rotate()
	}
	if l.f == nil {
		if err := l.Open(); err != nil {
			l.complain(err)
			return
		}
	}
	l.tellLost()
}

// moved reports whether the file has its name no more.
func (l *Log) moved() bool {
	is, err := l.f.Stat()
	named, wrong := os.Lstat(l.name)
	return err != nil || wrong != nil || !os.SameFile(is, named)
}

// rotate renames the files: the oldest goes.
func (l *Log) rotate() {
	for n := Keep; n > 0; n-- {
		from := l.name
		if n > 1 {
			from = older(l.name, n-1)
		}
		if err := os.Rename(from, older(l.name, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.complain(err)
		}
	}
}

func older(name string, n int) string { return name + "." + strconv.Itoa(n) }

// tellLost writes how many lines were lost, as soon as there is place for that.
func (l *Log) tellLost() {
	n := l.lost.Swap(0)
	if n == 0 {
		return
	}
	line := fmt.Sprintf("{\"time\":%q,\"level\":\"ERROR\",\"message\":\"audit lines were lost\",\"event\":\"lost\",\"lines\":%d}\n",
		time.Now().UTC().Format(time.RFC3339Nano), n)
	if !l.put([]byte(line)) {
		l.lost.Add(n)
		return
	}
	l.said = ""
	l.log.Error("audit lines were lost: the disk was full, or too slow", "lines", n, "file", l.name)
}

// complain logs a trouble once.
func (l *Log) complain(err error) {
	if err.Error() == l.said {
		return
	}
	l.said = err.Error()
	l.log.Error("the audit log cannot be written; its lines are counted until it can", logkey.Err, err, "file", l.name)
}

func (l *Log) close() {
	if l.f != nil {
		_ = l.f.Sync() // both were told of, if it went wrong before
		_ = l.f.Close()
		l.f = nil
	}
}

// Append returns a logger that logs as log does, and appends audit lines to a file at once: for commands, which end
// soon. The attributes are in the file only.
func Append(name string, log *slog.Logger, attrs ...slog.Attr) *slog.Logger {
	h := newHandler(log.Handler(), appender{name, log})
	h.file = h.file.WithAttrs(attrs)
	return slog.New(h)
}

type appender struct {
	name string
	log  *slog.Logger
}

// Write implements io.Writer.
func (a appender) Write(line []byte) (int, error) {
	f, _, torn, err := openFile(a.name)
	if err == nil {
		if torn {
			line = append([]byte("\n"), line...)
		}
		_, err = f.Write(line)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		a.log.Warn("this is not in the audit log, which the hub keeps", logkey.Err, err)
	}
	return len(line), nil
}

var _ io.Writer = appender{}
