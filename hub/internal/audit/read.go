package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/internal/setting"
)

// Event is one line of the file.
type Event struct {
	Time    time.Time      `json:"time"`
	Event   string         `json:"event"`
	Message string         `json:"message"`
	User    string         `json:"user"`
	Name    string         `json:"name"` // of the changed entry
	Camera  string         `json:"camera"`
	Address string         `json:"address"`
	Line    string         `json:"-"` // as it is in the file
	Rest    map[string]any `json:"-"` // all attributes
}

// Filter selects events. A zero field matches all.
type Filter struct {
	Since, Until time.Time
	User         string // also matches Event.Name
	Camera       string
	Event        string // a name, or its part before a dot: user matches user.add and so on
}

func (f Filter) wants(e Event) bool {
	return (f.Since.IsZero() || !e.Time.Before(f.Since)) && (f.Until.IsZero() || e.Time.Before(f.Until)) &&
		(f.User == "" || f.User == e.User || f.User == e.Name) && (f.Camera == "" || f.Camera == e.Camera) &&
		(f.Event == "" || f.Event == e.Event || strings.HasPrefix(e.Event, f.Event+"."))
}

// Read calls show for each selected event in the file and its rotated files, the oldest first.
// It returns how many lines are invalid, such as lines cut off by a full disk.
func Read(name string, f Filter, show func(Event) error) (bad int, err error) {
	found := false
	for n := Keep; n >= 0; n-- {
		file := name
		if n > 0 {
			file = older(name, n)
		}
		b, err := readFile(file, f, show)
		bad += b
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return bad, err
		}
		found = found || err == nil
	}
	if !found {
		return 0, setting.Errorf("there is no audit log %s: the hub writes it with {audit-log} or the setting audit-log",
			name)
	}
	return bad, nil
}

func readFile(name string, f Filter, show func(Event) error) (bad int, err error) {
	file, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0, fmt.Errorf("audit log: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	lines := bufio.NewReaderSize(file, maxLine)
	for {
		line, err := lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			bad++
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = lines.ReadSlice('\n')
			}
		case len(line) > 1:
			e, ok := parse(string(line))
			if !ok {
				bad++
			} else if f.wants(e) {
				if err := show(e); err != nil {
					return bad, err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return bad, nil
		}
		if err != nil {
			return bad, fmt.Errorf("audit log: %w", err)
		}
	}
}

func parse(line string) (e Event, ok bool) {
	e.Line = strings.TrimSuffix(line, "\n")
	if json.Unmarshal([]byte(line), &e) != nil || e.Time.IsZero() || json.Unmarshal([]byte(line), &e.Rest) != nil {
		return e, false
	}
	return e, true
}
