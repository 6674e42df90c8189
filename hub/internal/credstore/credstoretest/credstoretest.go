// Package credstoretest makes credentials files for tests, and logs that must not hold their secrets.
package credstoretest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/password"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/secret"
)

// RightPassword is a password that is good enough. It is anna's.
const RightPassword = "correct horse battery staple"

// Fixture is a credentials file with an entry of each kind.
type Fixture struct {
	Path    string
	Content []byte

	Token, OldToken secret.Text // of anna, and of a disabled user
	TokenID         string

	Porch, Consumer credential.Credential

	Anna, Otto, Root, Gone secret.Text // passwords
}

// New returns a file of the test's own. Its secrets are recorded in log.
func New(tb testing.TB, log *SecretLog) *Fixture {
	tb.Helper()
	f := &Fixture{Path: filepath.Join(tb.TempDir(), "state", "credentials.json")}
	f.Anna, f.Otto = log.Hide("password", RightPassword), log.Hide("password", "tr0ub4dor&3 and more")
	f.Root, f.Gone = log.Hide("password", "quis custodiet ipsos"), log.Hide("password", "gone with the wind")
	Edit(tb, f.Path, f.fill)
	log.Hide("token", f.Token.Reveal())
	log.Hide("token", f.OldToken.Reveal())
	log.Hide("seed", f.Porch.Seed().Reveal())
	log.Hide("seed", f.Consumer.Seed().Reveal())
	var err error
	if f.Content, err = os.ReadFile(f.Path); err != nil {
		tb.Fatal(err)
	}
	return f
}

func (f *Fixture) fill(file *credstore.File) (err error) {
	file.Users = []credstore.User{
		User("anna", permission.Viewer, f.Anna, "porch", "lab-*"), User("otto", permission.Operator, f.Otto, "garden"),
		User("root", permission.Admin, f.Root, "*"), User("gone", permission.Viewer, f.Gone, "*"),
	}
	t, text, err := file.AddToken("anna", "backup", 0)
	if err != nil {
		return err
	}
	f.Token, f.TokenID = text, t.ID
	if _, f.OldToken, err = file.AddToken("gone", "old", 0); err != nil {
		return err
	}
	off := false
	var errAgent, errConsumer error
	f.Porch, errAgent = file.AddAgent("porch", []string{"porch", "lab-1", "lab-2"})
	f.Consumer, errConsumer = file.AddConsumer("detector", []string{"lab-*", "attic"})
	return errors.Join(errAgent, errConsumer, file.SetUser("gone", "", nil, &off))
}

// User returns an enabled user whose password is cheap to check.
func User(name string, role permission.Role, text secret.Text, cameras ...string) credstore.User {
	return credstore.User{Name: name, Role: role, Cameras: cameras, Hash: CheapHash(text), Enabled: true}
}

// CheapHash returns a hash that takes little work, which the race detector would multiply.
func CheapHash(text secret.Text) string {
	return password.Params{Memory: 64, Passes: 1, Lanes: 1}.Hash(text)
}

// Edit edits a file.
func Edit(tb testing.TB, path string, change func(*credstore.File) error) {
	tb.Helper()
	if err := credstore.Edit(path, change); err != nil {
		tb.Fatal(err)
	}
}

// Load reads a file.
func Load(tb testing.TB, path string) *credstore.Snapshot {
	tb.Helper()
	s, err := credstore.Load(path)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Open opens a file.
func Open(tb testing.TB, path string, log *SecretLog) *credstore.Store {
	tb.Helper()
	s, err := credstore.Open(path, log.Logger())
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Reload returns after a store has read its changed file. Call it in a bubble, where no time passes.
func Reload(tb testing.TB, s *credstore.Store) {
	tb.Helper()
	changed := make(chan struct{}, 1)
	s.OnChange(func(*credstore.Snapshot) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }() // received below
	<-changed
	cancel()
	if err := <-done; err != nil {
		tb.Fatal(err)
	}
}
