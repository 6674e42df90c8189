package access

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
)

const (
	endedHeader = "bramble ended sessions 1"

	// maxEndedFile bounds the file, in bytes: twice the largest content with the longest names.
	maxEndedFile = 32 << 20

	// endedSlack is how many superfluous lines the file may have before it is rewritten.
	endedSlack = 1024
)

// endedFile keeps ended sessions across restarts. Each line holds a checksum and one ended session.
// New lines are appended. Several hubs on one host may share the file.
type endedFile struct {
	name  string
	seen  os.FileInfo // of the file as last read or written; nil: never
	bad   os.FileInfo // of the file as last read, if it could not be used
	lines int         // of the file as last read or written
	anew  bool        // the whole file must be rewritten
}

// endedFileOf returns the file of ended sessions for a credentials file; "" means none.
// A service writes into its own state directory. The directory of the credentials may be read-only for it.
func endedFileOf(credentials string) string {
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
func (f *endedFile) read() ([]EndedSession, error) {
	info, err := os.Lstat(f.name)
	if errors.Is(err, fs.ErrNotExist) {
		f.seen, f.bad, f.anew = nil, nil, true
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("file of ended sessions: %w", err)
	}
	if same(info, f.seen) || same(info, f.bad) {
		return nil, nil
	}
	f.seen, f.bad, f.anew = nil, info, true // until the whole file is known to be good
	switch {
	case !info.Mode().IsRegular():
		return nil, &damageError{f.name, "it is not a regular file", info.ModTime()}
	case info.Size() > maxEndedFile:
		why := fmt.Sprintf("it has %d bytes, more than a hub ever writes", info.Size())
		return nil, &damageError{f.name, why, info.ModTime()}
	}
	r, err := os.OpenFile(f.name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("file of ended sessions: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxEndedFile))
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("file of ended sessions: %w", err)
	}
	list, whole, damaged := f.parse(data)
	if damaged > 0 {
		why := fmt.Sprintf("%d of %d lines are damaged", damaged, f.lines)
		return list, &damageError{f.name, why, info.ModTime()}
	}
	f.seen, f.bad, f.anew = info, nil, !whole
	return list, nil
}

// parse returns the ended sessions in the lines.
// Text after the last line feed was being written when the hub ended. Its log-outs were never confirmed to a client.
func (f *endedFile) parse(data []byte) (list []EndedSession, whole bool, damaged int) {
	end := bytes.LastIndexByte(data, '\n') + 1
	lines := strings.SplitAfter(string(data[:end]), "\n")
	f.lines = max(1, len(lines)-1)
	if lines[0] != endedHeader+"\n" {
		damaged++
	}
	for _, line := range lines[1:] {
		if line == "" {
			continue // the text after the last line feed
		}
		e, err := parseEndedLine(strings.TrimSuffix(line, "\n"))
		if err != nil {
			damaged++
			continue
		}
		list = append(list, e)
	}
	return list, end == len(data), damaged
}

func endedLine(e EndedSession) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(text), text), nil
}

func parseEndedLine(line string) (e EndedSession, err error) {
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
func (f *endedFile) write(batch []EndedSession, count int, all func() []EndedSession) error {
	if f.anew || f.seen == nil || f.lines > 2*count+endedSlack {
		return f.replace(all())
	}
	data, err := endedLines(nil, batch)
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

func endedLines(data []byte, list []EndedSession) ([]byte, error) {
	for _, e := range list {
		line, err := endedLine(e)
		if err != nil {
			return nil, err
		}
		data = append(data, line...)
	}
	return data, nil
}

// replace writes the whole file. It keeps a damaged file under another name, for inspection by the operator.
func (f *endedFile) replace(list []EndedSession) error {
	if f.bad != nil {
		if err := os.Rename(f.name, f.name+".damaged"); err != nil {
			return err
		}
		f.bad = nil
	}
	data, err := endedLines([]byte(endedHeader+"\n"), list)
	if err != nil {
		return err
	}
	if err := replaceFile(f.name, data); err != nil {
		return err
	}
	info, err := os.Lstat(f.name)
	if err != nil {
		return err
	}
	f.seen, f.lines, f.anew = info, 1+len(list), false
	return nil
}
