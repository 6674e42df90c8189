package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain is the ordinary log beside the file.
type plain struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *plain) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *plain) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

func newLog(t *testing.T) (l *Log, said *plain, name string) {
	t.Helper()
	said, name = &plain{}, filepath.Join(t.TempDir(), "state", "audit.jsonl")
	return New(name, slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelWarn}))), said, name
}

func start(t *testing.T, l *Log) (stop func()) {
	t.Helper()
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	return testutil.Run(t, l.Run)
}

func read(t *testing.T, name string, f Filter) (events []Event, bad int) {
	t.Helper()
	bad, err := Read(name, f, func(e Event) error { events = append(events, e); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return events, bad
}

// The file has all audit lines, whatever the log level, and no others.
func TestLines(t *testing.T) {
	l, said, name := newLog(t)
	stop := start(t, l)
	log := l.Logger().With("hub", "a")
	log.Info("login", "audit", "login", "user", "anna", "address", "192.0.2.1")
	log.Info("something else", "user", "anna")
	log.Debug("debug", "audit", "login")
	log.Warn("refused", "audit", "refused", "user", "evil\n{\"event\":\"login\"}")
	stop()
	events, bad := read(t, name, Filter{})
	if len(events) != 2 || bad != 0 || events[0].Event != "login" || events[0].User != "anna" ||
		events[0].Rest["hub"] != "a" ||
		events[0].Message != "login" ||
		events[1].User != "evil\n{\"event\":\"login\"}" ||
		events[0].Time.Location() != time.UTC {
		t.Errorf("%d bad, %+v", bad, events)
	}
	if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "audit=refused") {
		t.Errorf("the log says %s", text)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// A full file is rotated and the oldest is dropped. The remaining files are read in order.
func TestRotation(t *testing.T) {
	l, _, name := newLog(t)
	l.maxSize = 1000
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	log := l.Logger()
	for i := range 200 {
		log.Info("login", "audit", "login", "user", fmt.Sprint("user", i))
		l.write(<-l.queue)
		l.maintain()
	}
	l.close()
	files, err := filepath.Glob(name + "*")
	if err != nil || len(files) != Keep+1 {
		t.Errorf("%v, %v", files, err)
	}
	events, bad := read(t, name, Filter{})
	if bad != 0 || len(events) < 50 || len(events) >= 200 || events[len(events)-1].User != "user199" {
		t.Fatalf("%d events, %d bad", len(events), bad)
	}
	for i, e := range events {
		if want := fmt.Sprint("user", 200-len(events)+i); e.User != want {
			t.Fatalf("event %d is of %s, want %s", i, e.User, want)
		}
	}
}

// Logging never waits for a file that cannot be written.
// When the file is writable again, it records how many lines were lost.
func TestCannotBeWritten(t *testing.T) {
	l, said, name := newLog(t)
	start(t, l)
	log := l.Logger()
	aside := name + ".aside"
	if err := os.Rename(name, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the trouble is told",
		func() bool { return strings.Contains(said.String(), "cannot be written") })
	for range 3 * maxQueue {
		log.Info("login", "audit", "login", "user", "anna")
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the loss is told",
		func() bool { return strings.Contains(said.String(), "audit lines were lost") })
	events, _ := read(t, name, Filter{Event: "lost"})
	if len(events) == 0 || events[0].Rest["lines"].(float64) < 1 ||
		strings.Count(said.String(), "cannot be written") != 1 { //nolint:forcetypeassert // a number
		t.Errorf("%+v, said %s", events, said)
	}
	log.Info("login", "audit", "login", "user", "otto")
	testutil.Eventually(t, "lines are written again", func() bool {
		after, _ := read(t, name, Filter{User: "otto"})
		return len(after) == 1
	})
}

// A full disk cuts a line off. Later lines are whole, and the number of lost lines is recorded.
func TestFullDisk(t *testing.T) {
	l, said, name := newLog(t)
	if err := l.Open(); err != nil {
		t.Fatal(err)
	}
	log := l.Logger()
	for range 1000 { // the limit counts for the log of package testing, too
		log.Info("login", "audit", "login", "user", "zoe")
		l.write(<-l.queue)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	limit := uint64(info.Size()) + 1000
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		log.Info("login", "audit", "login", "user", "anna")
		l.write(<-l.queue)
		l.maintain()
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	l.maintain()
	log.Info("login", "audit", "login", "user", "otto")
	l.write(<-l.queue)
	l.close()
	events, bad := read(t, name, Filter{})
	anna, lost := 0, 0
	for _, e := range events {
		switch {
		case e.User == "anna":
			anna++
		case e.Event == "lost":
			lost += int(e.Rest["lines"].(float64)) //nolint:forcetypeassert // a number
		}
	}
	if anna+lost != 30 || lost == 0 || bad > 1 || events[len(events)-1].User != "otto" ||
		!strings.Contains(said.String(), "cannot be written") {
		t.Errorf("%d written, %d lost, %d bad, %s", anna, lost, bad, said)
	}
}

// A file that is moved away is created again.
func TestMovedAway(t *testing.T) {
	l, _, name := newLog(t)
	start(t, l)
	if err := os.Rename(name, name+".moved"); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "there is another file", func() bool { _, err := os.Stat(name); return err == nil })
	l.Logger().Info("login", "audit", "login", "user", "anna")
	testutil.Eventually(t, "it has the line",
		func() bool { events, _ := read(t, name, Filter{}); return len(events) == 1 })
}

// The log does not write to an object that an attacker has put in the place of the file.
func TestPlanted(t *testing.T) {
	for what, plant := range map[string]func(name, elsewhere string) error{
		"a link":       func(name, elsewhere string) error { return os.Symlink(elsewhere, name) },
		"another name": func(name, elsewhere string) error { return os.Link(elsewhere, name) },
		"a pipe":       func(name, _ string) error { return syscall.Mkfifo(name, 0o600) },
		"open to all":  func(name, _ string) error { return os.WriteFile(name, nil, 0o644) },
	} {
		dir := t.TempDir()
		name, elsewhere := filepath.Join(dir, "audit.jsonl"), filepath.Join(dir, "elsewhere")
		if err := os.WriteFile(elsewhere, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := plant(name, elsewhere); err != nil {
			t.Fatal(err)
		}
		said := &plain{}
		err := New(name, slog.New(slog.NewTextHandler(said, nil))).Open()
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", what, err)
		}
		Append(name, slog.New(slog.NewTextHandler(said, nil))).Info("user added", "audit", "user.add")
		if text, err := os.ReadFile(elsewhere); err != nil || len(text) != 0 ||
			!strings.Contains(said.String(), "missing from the audit log") {
			t.Errorf("%s: %q, %v, said %s", what, text, err, said)
		}
	}
}

// Commands append to the hub's file, with the operator, which their own log does not have.
func TestAppend(t *testing.T) {
	_, _, name := newLog(t)
	said := &plain{}
	log := Append(name, slog.New(slog.NewTextHandler(said, nil)), slog.String("operator", "root"))
	log.Info("user added", "audit", "user.add", "name", "anna")
	log.Info("nothing to audit")
	events, _ := read(t, name, Filter{})
	if len(events) != 1 || events[0].Rest["operator"] != "root" || events[0].Name != "anna" ||
		strings.Contains(said.String(), "operator") {
		t.Errorf("%+v, said %s", events, said)
	}
}

// Read shows the selected events and counts invalid lines.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "audit.jsonl")
	at := func(h int) string { return time.Date(2026, 1, 1, h, 0, 0, 0, time.UTC).Format(time.RFC3339Nano) }
	var text strings.Builder
	for _, e := range []map[string]any{
		{"time": at(1), "event": "login", "user": "anna"},
		{"time": at(2), "event": "view", "user": "anna", "camera": "porch"},
		{"time": at(3), "event": "user.add", "name": "otto"}, {"time": at(4), "event": "username", "user": "otto"},
	} {
		line, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(line, '\n'))
	}
	text.WriteString(
		"{\"time\":\n\n" + strings.Repeat("x", 2*maxLine) + "\n{}\n" + `{"time":"` + at(5) + `","event":"last"}`)
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]Filter{
		"login view user.add username last": {}, "login view": {User: "anna"}, "user.add username": {User: "otto"},
		"view": {Camera: "porch"}, "user.add": {Event: "user"},
		"view user.add": {Since: time.Date(2026, 1, 1, 2, 0, 0, 0, time.UTC),
			Until: time.Date(2026, 1, 1, 4, 0, 0, 0, time.UTC)}, "": {Event: "nothing"},
	} {
		events, bad := read(t, name, f)
		var got []string
		for _, e := range events {
			got = append(got, e.Event)
		}
		if strings.Join(got, " ") != want || bad != 3 {
			t.Errorf("%+v: %v, %d bad, want %s and 3", f, got, bad, want)
		}
	}
	if _, err := Read(filepath.Join(dir, "none"), Filter{}, nil); err == nil ||
		!strings.Contains(setting.Flags(err), "--audit-log") {
		t.Errorf("no file: %v", err)
	}
}
