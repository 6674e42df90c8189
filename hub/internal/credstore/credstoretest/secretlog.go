package credstoretest

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/secret"
)

// SecretLog keeps what the tests of a package log, and their secrets, none of which may be logged.
type SecretLog struct {
	mu      sync.Mutex
	text    bytes.Buffer      // guarded by mu
	secrets map[string]string // what each is; guarded by mu
}

// NewSecretLog returns an empty log.
func NewSecretLog() *SecretLog { return &SecretLog{secrets: make(map[string]string)} }

// Write implements io.Writer.
func (l *SecretLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// Hide records a secret and returns it.
func (l *SecretLog) Hide(what, text string) secret.Text {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.secrets[text] = what
	return secret.Text(text)
}

// Find returns what the first secret in a text is, or "" if there is none.
func (l *SecretLog) Find(text string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for hidden, what := range l.secrets {
		if strings.Contains(text, hidden) {
			return what
		}
	}
	return ""
}

// Text returns what was logged.
func (l *SecretLog) Text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Logger returns a logger of all levels.
func (l *SecretLog) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// VerifyMain runs the tests of a package. It fails if they leave goroutines, or if a secret was logged.
func (l *SecretLog) VerifyMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if what := l.Find(l.Text()); what != "" {
			fmt.Fprintln(os.Stderr, "a "+what+" is in the log of the tests")
			code = max(code, 1)
		}
		os.Exit(code)
	}))
}
