package hub

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// record keeps what a hub logs.
type record struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *record) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// startLogged runs a hub, and returns what it logs.
func startLogged(t *testing.T, cfg Config) (h *Hub, said *record, stop func()) {
	t.Helper()
	said = &record{}
	cfg.NATS, cfg.Log = "127.0.0.1:0", slog.New(slog.NewTextHandler(said, nil))
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop = testutil.Run(t, h.Run)
	if _, _, err := h.WaitStarted(t.Context()); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the hub is ready", func() bool { return strings.Contains(said.String(), "hub ready") })
	return h, said, stop
}

func addUser(d *credstore.File) error {
	return d.AddUser("anna", permission.Admin, []string{"*"}, "correct horse battery staple")
}

func addAgent(d *credstore.File) error {
	_, err := d.AddAgent("porch", []string{"porch"})
	return err
}

func mustEdit(t *testing.T, file string, changes ...func(*credstore.File) error) {
	t.Helper()
	for _, change := range changes {
		if err := credstore.Edit(file, change); err != nil {
			t.Fatal(err)
		}
	}
}

// refuses checks that a hub does not start for lack of credentials, and checks its error.
func refuses(t *testing.T, what string, cfg Config, says ...string) {
	t.Helper()
	cfg.HTTP, cfg.NATS, cfg.Log = "127.0.0.1:0", "127.0.0.1:0", testutil.Log(t)
	_, err := New(cfg)
	if !errors.Is(err, credstore.ErrMissing) {
		t.Errorf("%s: %v", what, err)
		return
	}
	for _, part := range append(says, cfg.Credentials) {
		if !strings.Contains(setting.Flags(err), part) {
			t.Errorf("%s: %q does not say %q", what, err, part)
		}
	}
}

// A lost credentials file does not turn authentication off, however it was lost.
func TestLostFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	refuses(t, "named and missing", Config{Credentials: file, RequireCredentialsFile: true}, "--credentials",
		"mounted", "user add")
	refuses(t, "users are required", Config{Credentials: file, RequireUsers: true}, "--require-users", "user add")
	mustEdit(t, file, addAgent)
	refuses(t, "users are required, and there is an agent",
		Config{Credentials: file, RequireUsers: true}, "--require-users")
	mustEdit(t, file, addUser)
	_, said, stop := startLogged(t, Config{HTTP: "127.0.0.1:0", Credentials: file, RequireCredentialsFile: true,
		RequireUsers: true})
	if !strings.Contains(said.String(), "authentication is on: 1 users, 0 mappings, 1 agents, 0 consumers") {
		t.Errorf("said %s", said)
	}
	stop()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	refuses(t, "the default file, which is gone", Config{Credentials: file}, file+".lock", "start without credentials")
	if err := os.Remove(file + ".lock"); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", Credentials: file,
		Log: testutil.Log(t)}); err != nil {
		t.Errorf("starting over: %v", err)
	}
}

// A hub that had users and finds a file without any refuses everyone, on its own host too. That ends when there is a
// user again, or when a command has removed the last one.
func TestLostUsers(t *testing.T) {
	dir := t.TempDir()
	file, old := filepath.Join(dir, "credentials.json"), filepath.Join(dir, "old.json")
	mustEdit(t, old, addAgent)
	mustEdit(t, file, addUser)
	copyOld := func() {
		t.Helper()
		text, err := os.ReadFile(old)
		if err == nil {
			err = os.WriteFile(file, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, when := range []string{"at the start", "while it runs"} {
		t.Run(when, func(t *testing.T) {
			if when == "at the start" {
				copyOld()
			}
			h, said, _ := startLogged(t, Config{HTTP: "127.0.0.1:0", Credentials: file, Insecure: true})
			copyOld()
			testutil.Eventually(t, "the log tells", func() bool {
				return strings.Contains(said.String(), "has lost its users")
			})
			if code, body := get(t, h.Page()+"api/v1/cameras"); code != http.StatusUnauthorized {
				t.Errorf("%d %s", code, body)
			}
			mustEdit(t, file, addUser)
			testutil.Eventually(t, "the log tells", func() bool {
				return strings.Contains(said.String(), "authentication is on: 1 users")
			})
			mustEdit(t, file, func(d *credstore.File) error { return d.RemoveUser("anna") })
			testutil.Eventually(t, "the log tells", func() bool {
				return strings.Contains(said.String(), "authentication is OFF")
			})
			if code, body := get(t, h.Page()+"api/v1/cameras"); code != http.StatusOK {
				t.Errorf("after the last user was removed on purpose: %d %s", code, body)
			}
			mustEdit(t, file, addUser)
		})
	}
}

// Each start logs whether authentication is on. Without users, a hub that other hosts can reach refuses everyone. So
// does a hub that requires users.
func TestSaysAuthentication(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  Config
		says string
	}{
		"no users": {Config{HTTP: "127.0.0.1:0"},
			"level=INFO msg=\"authentication is OFF: anyone on this host who reaches 127.0.0.1:"},
		"no users, published here": {
			Config{HTTP: "0.0.0.0:0", HTTPPublished: published},
			"level=INFO msg=\"authentication is OFF: anyone on this host who reaches " + published,
		},
		"no users, published elsewhere": {
			Config{HTTP: "127.0.0.1:0", HTTPPublished: "192.0.2.7:80", Insecure: true},
			"level=WARN msg=\"authentication is OFF: anyone who reaches 192.0.2.7:80 is",
		},
		"no users, no limits": {Config{HTTP: "0.0.0.0:0", Insecure: true},
			"level=WARN msg=\"authentication is OFF: anyone who reaches [::]:"},
	} {
		h, said, _ := startLogged(t, test.cfg)
		_, port, err := net.SplitHostPort(h.httpAddr)
		if err != nil {
			t.Fatal(err)
		}
		if code, body := get(t, "http://127.0.0.1:"+port+"/api/v1/cameras"); code != http.StatusOK {
			t.Errorf("%s: %d %s", name, code, body)
		}
		if n := strings.Count(said.String(), "authentication is"); n != 1 ||
			!strings.Contains(said.String(), test.says) ||
			!strings.Contains(said.String(), "user add") {
			t.Errorf("%s: said %s", name, said)
		}
	}
	for name, cfg := range map[string]Config{"elsewhere": {HTTP: "0.0.0.0:0"},
		"required": {HTTP: "127.0.0.1:0", RequireUsers: true}} {
		cfg.Credentials = filepath.Join(t.TempDir(), "credentials.json")
		mustEdit(t, cfg.Credentials, addUser)
		h, said, _ := startLogged(t, cfg)
		mustEdit(t, cfg.Credentials, func(d *credstore.File) error { return d.RemoveUser("anna") })
		testutil.Eventually(t, "the log tells", func() bool {
			return strings.Contains(said.String(), "no user can log in: there are no users")
		})
		if code, body := get(t, strings.Replace(h.Page(), "[::]", "127.0.0.1", 1)+
			"api/v1/cameras"); code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
}

// With logins at a proxy, authentication stays on when the last mapping is removed. The log says so too.
func TestSaysExternalAuthentication(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	mustEdit(t, file, func(d *credstore.File) error {
		return d.AddMapping(credstore.Mapping{Who: "everyone", Role: permission.Viewer, Cameras: []string{"*"}})
	})
	h, said, _ := startLogged(t, Config{
		HTTP: "127.0.0.1:0", Credentials: file,
		ProxyAuth: ProxyAuth{UserHeader: "Remote-User", WithoutSecret: true},
	})
	mustEdit(t, file, func(d *credstore.File) error { return d.RemoveMapping("everyone") })
	testutil.Eventually(t, "the log tells", func() bool { return strings.Count(said.String(), "authentication is") == 2 })
	if code, body := get(t, h.Page()+"api/v1/cameras"); code != http.StatusUnauthorized {
		t.Errorf("without credentials: %d %s", code, body)
	}
	if text := said.String(); strings.Contains(text, "is OFF") || !strings.Contains(text, "mapping add") {
		t.Errorf("the log says %s", text)
	}
}
