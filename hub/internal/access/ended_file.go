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

	// maxEndedFile bounds the file, in bytes: twice as much as there can be, with the longest names.
	maxEndedFile = 32 << 20

	// endedSlack is how many lines the file may have beyond what is needed, before it is written anew.
	endedSlack = 1024
)

// endedFile keeps ended sessions across restarts. Each line has a checksum and one ended session, and is appended.
// Several hubs of one host may share it.
type endedFile struct {
	name  string
	seen  os.FileInfo // of what was read or written last; nil: nothing
	bad   os.FileInfo // of what was read last and cannot be used
	lines int         // of what was read or written last
	anew  bool        // it has to be written as a whole
}

// endedFileOf returns where the ended sessions are kept that belong to a credentials file; "" means nowhere.
// A service has a directory of its own for what it writes, also if the credentials are where it may only read.
func endedFileOf(credentials string) string {
	if credentials == "" {
		return ""
	}
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); dir != "" {
		return filepath.Join(dir, filepath.Base(credentials)+".ended")
	}
	return credentials + ".ended"
}

// damageError says that the file has lost something, or may have.
type damageError struct {
	name  string
	why   string
	since time.Time // when the file was written last
}

func (e *damageError) Error() string { return "file of ended sessions " + e.name + ": " + e.why }

// read returns what the file holds, if it has changed. With a *damageError it returns what could be read.
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
	f.seen, f.bad, f.anew = nil, info, true // until all is known to be well
	switch {
	case !info.Mode().IsRegular():
		return nil, &damageError{f.name, "it is no file", info.ModTime()}
	case info.Size() > maxEndedFile:
		return nil, &damageError{f.name, fmt.Sprintf("it has %d bytes, more than a hub writes", info.Size()), info.ModTime()}
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

// parse returns what is in the lines.
// What comes after the last line feed was being written when the hub ended: nobody was told yet that it counts.
func (f *endedFile) parse(data []byte) (list []EndedSession, whole bool, damaged int) {
	end := bytes.LastIndexByte(data, '\n') + 1
	lines := strings.SplitAfter(string(data[:end]), "\n")
	f.lines = max(1, len(lines)-1)
	if lines[0] != endedHeader+"\n" {
		damaged++
	}
	for _, line := range lines[1:] {
		if line == "" {
			continue // the one after the last line feed
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
// If the file has grown far beyond what is needed, it is written anew with all that there is.
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

// replace writes the whole file. One that is damaged is set aside, for whoever wants to know what has happened.
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
