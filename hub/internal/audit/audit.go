// Package audit writes log lines with the attribute audit to a separate file, as JSON lines, and reads them back.
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

	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/setting"
)

const (
	// MaxSize is the size in bytes at which the file is rotated.
	MaxSize = 16 << 20

	// Keep is how many rotated files are kept.
	Keep = 7

	maxQueue = 4096     // lines
	maxBatch = 64 << 10 // bytes
	maxLine  = 64 << 10 // bytes

	maintainInterval = time.Second
)

// Log writes audit lines to a file. Logging never waits for the disk.
// Lines that come faster than the disk takes them are dropped and counted.
type Log struct {
	name    string
	log     *slog.Logger // for errors of the file
	queue   chan []byte
	lost    atomic.Uint64
	maxSize int64

	// Owned by Run's goroutine.
	f     *os.File // nil: it cannot be written now
	size  int64
	torn  bool // the last line was not written whole
	dirty bool
	errs  loglimit.ErrorOnce // of the file
}

// New returns a Log that copies audit lines from log to a file. It does not open the file.
func New(name string, log *slog.Logger) *Log {
	return &Log{name: name, log: log, queue: make(chan []byte, maxQueue), maxSize: MaxSize}
}

// Logger returns a logger that logs to the logger given to New, and also writes audit lines to the file.
func (l *Log) Logger() *slog.Logger { return slog.New(newHandler(l.log.Handler(), l)) }

// Write queues a line. It never waits and does not retain line.
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

// Open opens the file. It creates the file if it is missing. Call it before Run.
func (l *Log) Open() error {
	f, size, torn, err := openFile(l.name)
	if err != nil {
		return err
	}
	l.f, l.size, l.torn = f, size, torn
	return nil
}

// openFile opens a file for appending. It refuses symbolic links and files with a second name.
// A file that root creates belongs to the owner of the directory.
// torn reports whether the last line is incomplete.
func openFile(name string) (f *os.File, size int64, torn bool, err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return nil, 0, false, setting.Errorf("audit log: %w: name another place with {audit-log}", err)
	}
	f, err = os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, 0, false, setting.Errorf("audit log: %w: "+
			"give the user that runs this program write permission there, or name another place with {audit-log}", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = secureOwner(f, info)
	}
	if err != nil {
		return nil, 0, false, errors.Join(fmt.Errorf("audit log: %w", err), f.Close())
	}
	last := []byte{'\n'}
	_, _ = f.ReadAt(last, info.Size()-1) // an empty file has no lines
	return f, info.Size(), last[0] != '\n', nil
}

func secureOwner(f *os.File, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular() || ok && st.Nlink > 1:
		return fmt.Errorf("%s is not a regular file with a single name: remove it", f.Name())
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s can be read by users other than its owner (mode %04o): chmod 600 %s",
			f.Name(), info.Mode().Perm(), f.Name())
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

// Run writes lines until ctx ends, then those still in the queue. It owns the file.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(maintainInterval)
	defer tick.Stop()
	defer l.close()
	for {
		select {
		case <-ctx.Done():
			for len(l.queue) > 0 {
				l.write(<-l.queue)
			}
			l.writeLost()
			return nil
		case line := <-l.queue:
			l.write(line)
		case <-tick.C:
			l.maintain()
		}
	}
}

// write writes a line together with the lines that wait in the queue.
func (l *Log) write(batch []byte) {
	count := uint64(1)
	for len(l.queue) > 0 && len(batch) < maxBatch {
		batch = append(batch, <-l.queue...)
		count++
	}
	if !l.append(batch) {
		l.lost.Add(count)
	}
}

// append appends to the file and reports whether that succeeded.
func (l *Log) append(text []byte) bool {
	if l.f == nil {
		return false
	}
	if l.torn { // by a full disk or a crash: the reader skips the incomplete line
		text = append([]byte("\n"), text...)
	}
	n, err := l.f.Write(text)
	l.size += int64(n)
	if n > 0 {
		l.dirty, l.torn = true, n < len(text)
	}
	if err != nil {
		l.logErrorOnce(err)
		l.close()
		return false
	}
	return true
}

// maintain syncs the file to disk. It reopens the file if it was moved away or could not be written.
// It rotates the file if it is large.
func (l *Log) maintain() {
	if l.dirty && l.f != nil {
		l.dirty = false
		if err := l.f.Sync(); err != nil {
			l.logErrorOnce(err)
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
			l.logErrorOnce(err)
			return
		}
	}
	l.writeLost()
}

// moved reports whether the file no longer has its name.
func (l *Log) moved() bool {
	is, err := l.f.Stat()
	named, wrong := os.Lstat(l.name)
	return err != nil || wrong != nil || !os.SameFile(is, named)
}

// rotate renames the files and drops the oldest.
func (l *Log) rotate() {
	for n := Keep; n > 0; n-- {
		from := l.name
		if n > 1 {
			from = older(l.name, n-1)
		}
		if err := os.Rename(from, older(l.name, n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			l.logErrorOnce(err)
		}
	}
}

func older(name string, n int) string { return name + "." + strconv.Itoa(n) }

// writeLost writes how many lines were lost, as soon as the file can be written.
func (l *Log) writeLost() {
	n := l.lost.Swap(0)
	if n == 0 {
		return
	}
	line := fmt.Sprintf(
		"{\"time\":%q,\"level\":\"ERROR\",\"message\":\"audit lines were lost\",\"event\":\"lost\",\"lines\":%d}\n",
		time.Now().UTC().Format(time.RFC3339Nano), n)
	if !l.append([]byte(line)) {
		l.lost.Add(n)
		return
	}
	l.errs.Seen(nil)
	l.log.Error("audit lines were lost: the disk was full or too slow", "lines", n, "file", l.name)
}

// logErrorOnce logs an error once.
func (l *Log) logErrorOnce(err error) {
	if isNew, _ := l.errs.Seen(err); !isNew {
		return
	}
	l.log.Error("the audit log cannot be written; lost lines are counted until it can", logkey.Err, err, "file", l.name)
}

func (l *Log) close() {
	if l.f != nil {
		_ = l.f.Sync() // an earlier failure was logged
		_ = l.f.Close()
		l.f = nil
	}
}

// Append returns a logger that logs like log and appends audit lines to a file at once.
// It is for commands, which end soon. The attributes are in the file only.
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
		a.log.Warn("this event is missing from the audit log, which the hub keeps", logkey.Err, err)
	}
	return len(line), nil
}

var _ io.Writer = appender{}
