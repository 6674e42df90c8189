package endedsessions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/hub/internal/lockedfile"
)

const (
	fileHeader = "bramble ended sessions 1"

	// maxFile bounds the file, in bytes: twice the largest content with the longest names.
	maxFile = 32 << 20

	// maxSurplus is how many superfluous lines the file may have before it is rewritten.
	maxSurplus = 1024
)

// file keeps ended sessions across restarts. Each line holds a checksum and one ended session.
// New lines are appended. Several hubs on one host may share the file.
type file struct {
	name  string
	seen  os.FileInfo // of the file as last read or written; nil: never
	bad   os.FileInfo // of the file as last read, if it could not be used
	lines int         // of the file as last read or written
	stale bool        // the whole file must be rewritten
}

// FileFor returns the file of ended sessions for a credentials file; "" means none.
// A service writes into its own state directory. The directory of the credentials may be read-only for it.
func FileFor(credentials string) string {
	if credentials == "" {
		return ""
	}
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); dir != "" {
		return filepath.Join(dir, filepath.Base(credentials)+".ended")
	}
	return credentials + ".ended"
}

// damageError says that the file has lost data, or may have.
type damageError struct {
	name  string
	why   string
	since time.Time // when the file was last written
}

func (e *damageError) Error() string { return "file of ended sessions " + e.name + ": " + e.why }

// read returns the content of the file if it has changed. With a *damageError it returns what could be read.
func (f *file) read() ([]Entry, error) {
	info, err := os.Lstat(f.name)
	if errors.Is(err, fs.ErrNotExist) {
		f.seen, f.bad, f.stale = nil, nil, true
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("file of ended sessions: %w", err)
	}
	if lockedfile.Same(info, f.seen) || lockedfile.Same(info, f.bad) {
		return nil, nil
	}
	f.seen, f.bad, f.stale = nil, info, true // until the whole file is known to be good
	switch {
	case !info.Mode().IsRegular():
		return nil, &damageError{f.name, "it is not a regular file", info.ModTime()}
	case info.Size() > maxFile:
		why := fmt.Sprintf("it has %d bytes, more than a hub ever writes", info.Size())
		return nil, &damageError{f.name, why, info.ModTime()}
	}
	r, err := os.OpenFile(f.name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("file of ended sessions: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("file of ended sessions: %w", err)
	}
	list, whole, damaged := f.parse(data)
	if damaged > 0 {
		why := fmt.Sprintf("%d of %d lines are damaged", damaged, f.lines)
		return list, &damageError{f.name, why, info.ModTime()}
	}
	f.seen, f.bad, f.stale = info, nil, !whole
	return list, nil
}

// parse returns the ended sessions in the lines.
// Text after the last line feed was being written when the hub ended. Its log-outs were never confirmed to a client.
func (f *file) parse(data []byte) (list []Entry, whole bool, damaged int) {
	end := bytes.LastIndexByte(data, '\n') + 1
	lines := strings.SplitAfter(string(data[:end]), "\n")
	f.lines = max(1, len(lines)-1)
	if lines[0] != fileHeader+"\n" {
		damaged++
	}
	for _, line := range lines[1:] {
		if line == "" {
			continue // the text after the last line feed
		}
		e, err := parseLine(strings.TrimSuffix(line, "\n"))
		if err != nil {
			damaged++
			continue
		}
		list = append(list, e)
	}
	return list, end == len(data), damaged
}

func encodeLine(e Entry) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(text), text), nil
}

func parseLine(line string) (e Entry, err error) {
	sum, text, _ := strings.Cut(line, " ")
	if fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))) != sum {
		return e, errors.New("the checksum is wrong")
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return e, err
	}
	return e, e.Validate()
}

// write appends a batch, and has it on disk when it returns.
// If the file has grown far beyond what is needed, it is rewritten from memory.
func (f *file) write(batch []Entry, count int, all func() []Entry) error {
	if f.stale || f.seen == nil || f.lines > 2*count+maxSurplus {
		return f.replace(all())
	}
	data, err := encodeLines(nil, batch)
	if err != nil {
		return err
	}
	w, err := os.OpenFile(f.name, os.O_WRONLY|os.O_APPEND|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	if err == nil {
		err = w.Sync()
	}
	info, statErr := w.Stat()
	if err := errors.Join(err, statErr, w.Close()); err != nil {
		return err
	}
	f.seen = info
	f.lines += len(batch)
	return nil
}

func encodeLines(data []byte, list []Entry) ([]byte, error) {
	for _, e := range list {
		line, err := encodeLine(e)
		if err != nil {
			return nil, err
		}
		data = append(data, line...)
	}
	return data, nil
}

// replace writes the whole file. It keeps a damaged file under another name, for inspection by the operator.
func (f *file) replace(list []Entry) error {
	if f.bad != nil {
		if err := os.Rename(f.name, f.name+".damaged"); err != nil {
			return err
		}
		f.bad = nil
	}
	data, err := encodeLines([]byte(fileHeader+"\n"), list)
	if err != nil {
		return err
	}
	if err := lockedfile.WriteFile(f.name, data); err != nil {
		return err
	}
	info, err := os.Lstat(f.name)
	if err != nil {
		return err
	}
	f.seen, f.lines, f.stale = info, 1+len(list), false
	return nil
}
