package hub

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/audit"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// events returns the names of the events in an audit log, each with its subject.
func events(t *testing.T, file string) (list []string) {
	t.Helper()
	if _, err := audit.Read(file, audit.Filter{}, func(e audit.Event) error {
		list = append(list, strings.TrimSpace(e.Event+" "+e.User+e.Name))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// The hub's audit file holds every audit event from start to end, whatever its log leaves out.
func TestAuditLog(t *testing.T) {
	dir := t.TempDir()
	file, credentials := filepath.Join(dir, "audit.jsonl"), filepath.Join(dir, "credentials.json")
	mustEdit(t, credentials, addUser)
	h, _, stop := startLogged(t, Config{HTTP: "127.0.0.1:0", Credentials: credentials, AuditLog: file})
	for password, want := range map[string]int{"wrong%20and%20long%20enough": http.StatusUnauthorized,
		"correct%20horse%20battery%20staple": http.StatusOK} {
		if code, body := get(t, strings.Replace(h.Page(), "://", "://anna:"+password+"@", 1)+"api/v1/me"); code != want {
			t.Errorf("%d %s", code, body)
		}
	}
	mustEdit(t, credentials, addAgent)
	testutil.Eventually(t, "the change is in the file", func() bool {
		return strings.Contains(strings.Join(events(t, file), ","), "agent.add porch")
	})
	stop()
	got := strings.Join(events(t, file), ",")
	for _, want := range []string{"refused anna", "basic anna", "agent.add porch"} {
		if strings.Count(got, want) != 1 {
			t.Errorf("%s is not there once: %s", want, got)
		}
	}
}

// A hub does not start if it cannot open an audit log that the operator named. The default audit log may fail.
func TestAuditLogCannotBeKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit.jsonl")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	h, err := New(Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", AuditLog: file, Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Run(t.Context()); err == nil || !strings.Contains(setting.Flags(err), "--audit-log") {
		t.Errorf("%v", err)
	}
	_, said, _ := startLogged(t, Config{HTTP: "127.0.0.1:0", AuditLog: file, AuditLogOptional: true})
	if !strings.Contains(said.String(), "not kept in a file") {
		t.Errorf("said %s", said)
	}
}
