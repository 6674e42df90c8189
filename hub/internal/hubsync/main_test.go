package hubsync

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/subject"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const address = "192.0.2.1"

const annaPassword = secret.Text("correct horse battery staple")

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count returns how often something was logged.
func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// hub is a hub with its own copy of the credentials.
type hub struct {
	t     *testing.T
	file  string
	log   *lines
	store *credstore.Store
	ended *endedsessions.Store
	auth  *auth.Authenticator
	sync  *Sync
	nc    *nats.Conn
}

// quick are times for tests.
func quick() times {
	return times{
		stateInterval: 200 * time.Millisecond, checkInterval: 20 * time.Millisecond, spread: 10 * time.Millisecond,
		pushInterval: 50 * time.Millisecond, askInterval: 10 * time.Millisecond, grace: 100 * time.Millisecond,
		forget: time.Second,
		skew:   5 * time.Minute,
	}
}

// newFile returns a credentials file with some users.
func newFile(t *testing.T, users ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials.json")
	edit(t, file, func(d *credstore.File) error {
		for _, name := range users {
			if err := d.AddUser(name, permission.Viewer, []string{"*"}, annaPassword); err != nil {
				return err
			}
		}
		return nil
	})
	return file
}

func edit(t *testing.T, file string, change func(*credstore.File) error) {
	t.Helper()
	if err := credstore.Edit(file, change); err != nil {
		t.Fatal(err)
	}
}

// refused returns how many messages of other hubs this hub has refused.
func (h *hub) refused() int { return h.sync.cfg.Refused.Count(metrics.RefusedHub) }

// newHub returns a hub that does not run yet. Its file is a copy of another hub's file.
func newHub(t *testing.T, url, of string) *hub {
	t.Helper()
	h := &hub{t: t, file: filepath.Join(t.TempDir(), "credentials.json"), log: &lines{}}
	h.copyFrom(of)
	var err error
	log := slog.New(slog.NewTextHandler(io.MultiWriter(h.log, testutil.SecretLog{}), nil))
	if h.store, err = credstore.Open(h.file, log); err != nil {
		t.Fatal(err)
	}
	h.ended = endedsessions.Open(h.file, log)
	h.auth = auth.New(h.store, h.ended, log)
	h.nc = testutil.Connect(t, url)
	h.sync = New(Config{Conn: h.nc, Space: subject.Space{}, Credentials: h.store, Ended: h.ended, Version: "1.0.0",
		Log: log})
	h.sync.times = quick()
	h.sync.name = t.Name()
	return h
}

func (h *hub) copyFrom(file string) {
	h.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	testutil.WriteFile(h.t, h.file+".new", data)
	if err := os.Rename(h.file+".new", h.file); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hub) run() (stop func()) {
	stopStore := testutil.Run(h.t, h.store.Run)
	stopEnded := testutil.Run(h.t, h.ended.Run)
	stopSync := testutil.Run(h.t, h.sync.Run)
	return func() {
		stopSync()
		stopEnded()
		stopStore()
	}
}

func (h *hub) login(name string) secret.Text {
	h.t.Helper()
	_, cookie, err := h.auth.Login(context.Background(), address, name, annaPassword)
	if err != nil {
		h.t.Fatal(err)
	}
	return cookie.Value
}

func (h *hub) isGood(cookie secret.Text) bool {
	_, _, err := h.auth.Session(address, cookie)
	return err == nil
}

func (h *hub) learns(cookie secret.Text) {
	h.t.Helper()
	testutil.Eventually(h.t, "the session has ended here, too", func() bool { return !h.isGood(cookie) })
}
