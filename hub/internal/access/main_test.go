package access

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/secret"
)

// asVictim tells this test program, started by itself, to edit a credentials file and to be killed meanwhile.
const asVictim = "BRAMBLE_TEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(asVictim) != "" {
		victim()
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if found := ledger.leaks(); found != "" {
			fmt.Fprintln(os.Stderr, found)
			code = max(code, 1)
		}
		os.Exit(code)
	}))
}

// book of all that the tests of this package log, and of all their secrets: no test may log one.
type records struct {
	mu      sync.Mutex
	text    bytes.Buffer
	secrets map[string]string // what it is, by itself
}

var ledger = &records{secrets: map[string]string{}}

func (r *records) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

// hide notes a secret, and returns it.
func (r *records) hide(what, text string) secret.Text {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secrets[text] = what
	return secret.Text(text)
}

func (r *records) leaks() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for text, what := range r.secrets {
		if strings.Contains(r.text.String(), text) {
			return "a " + what + " is in the log of the tests"
		}
	}
	return ""
}

func (r *records) said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// testLog writes into the ledger.
func testLog() *slog.Logger {
	return slog.New(slog.NewTextHandler(ledger, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

const rightPassword = "correct horse battery staple"

// cast is a credentials file with somebody of each kind in it.
type cast struct {
	file             string
	content          []byte
	token, oldToken  secret.Text
	tokenID          string
	porch, consumer  credential.Credential
	annaPw, ottoPw   secret.Text
	adminPw, goneUsr secret.Text
}

var firstCast = sync.OnceValues(makeCast)

// newCast returns a file of the test's own. All have the same content, since hashing the passwords takes its time.
func newCast(t testing.TB) *cast {
	t.Helper()
	first, err := firstCast()
	if err != nil {
		t.Fatal(err)
	}
	c := *first
	c.file = filepath.Join(t.TempDir(), "state", "credentials.json")
	edit(t, c.file, func(d *File) error {
		same, err := parse(c.content)
		if err == nil {
			*d = *same
		}
		return err
	})
	return &c
}

func makeCast() (*cast, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // an empty directory is left at worst
	c := &cast{file: filepath.Join(dir, "credentials.json")}
	c.annaPw, c.ottoPw = ledger.hide("password", rightPassword), ledger.hide("password", "tr0ub4dor&3 and more")
	c.adminPw, c.goneUsr = ledger.hide("password", "quis custodiet ipsos"), ledger.hide("password", "gone with the wind")
	err = Edit(c.file, func(d *File) error {
		for _, u := range []struct {
			name     string
			role     Role
			cameras  []string
			password secret.Text
		}{
			{"anna", Viewer, []string{"porch", "lab-*"}, c.annaPw}, {"otto", Operator, []string{"garden"}, c.ottoPw},
			{"root", Admin, []string{"*"}, c.adminPw}, {"gone", Viewer, []string{"*"}, c.goneUsr},
		} {
			if err := d.AddUser(u.name, u.role, u.cameras, u.password); err != nil {
				return err
			}
			d.Users[len(d.Users)-1].Hash = cheapHash(u.password)
		}
		off := false
		if err := d.SetUser("gone", "", nil, &off); err != nil {
			return err
		}
		t, text, err := d.AddToken("anna", "backup", 0)
		if err != nil {
			return err
		}
		c.token, c.tokenID = text, t.ID
		if _, c.oldToken, err = d.AddToken("gone", "old", 0); err != nil {
			return err
		}
		if c.porch, err = d.AddAgent("porch", []string{"porch", "lab-1", "lab-2"}); err != nil {
			return err
		}
		c.consumer, err = d.AddConsumer("detector", []string{"lab-*", "attic"})
		return err
	})
	if err != nil {
		return nil, err
	}
	ledger.hide("token", c.token.Reveal())
	ledger.hide("token", c.oldToken.Reveal())
	ledger.hide("seed", c.porch.Seed().Reveal())
	ledger.hide("seed", c.consumer.Seed().Reveal())
	c.content, err = os.ReadFile(c.file)
	return c, err
}

// cheapHash is a hash that is as good as the real one but for the work that it takes, which the race detector multiplies.
func cheapHash(password secret.Text) string {
	h := phc{memory: 64, passes: 1, lanes: 1, salt: []byte("salt of the tests"), key: make([]byte, keyLen)}
	h.key = h.derive(password)
	return h.String()
}

func edit(t testing.TB, file string, change func(*File) error) {
	t.Helper()
	if err := Edit(file, change); err != nil {
		t.Fatal(err)
	}
}

func (c *cast) keeper(t testing.TB) *Store {
	t.Helper()
	k, err := OpenStore(c.file, testLog())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func load(t testing.TB, file string) *Snapshot {
	t.Helper()
	b, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
