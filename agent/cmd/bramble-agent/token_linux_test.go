package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// joinAtTerminal runs the program on a terminal, and types the lines where it asks for the token.
func joinAtTerminal(t *testing.T, lines []string, args ...string) (shown string, code int) {
	t.Helper()
	terminal := testutil.NewTerminal(t)
	done := make(chan int, 1)
	go func() {
		done <- run(append([]string{"join"}, args...), terminal.Program, terminal.Program, terminal.Program)
	}()
	for i, line := range lines {
		terminal.Answer("Token that", i+1, line)
	}
	code = testutil.Receive(t, "the end", done)
	return terminal.End(), code
}

// TestJoinAsks: join asks for the token, does not show it, and says what is wrong with one until it is right. Nothing
// is left of an attempt that fails.
func TestJoinAsks(t *testing.T) {
	url, cred := startAuthServer(t)
	seed := cred.Seed().Reveal()
	for name, test := range map[string]struct {
		lines []string
		code  int
		says  string
	}{
		"at once":             {[]string{seed}, 0, "lets this agent in"},
		"pasted with spaces":  {[]string{"  " + seed[:30] + " " + seed[30:] + "\t"}, 0, "lets this agent in"},
		"the second time":     {[]string{seed[:50], seed}, 0, "it has 50 characters, and a token 58"},
		"a character is lost": {[]string{seed[:57] + "1", seed}, 0, "checksum"},
		"the public key":      {[]string{cred.Public(), seed}, 0, "public key"},
		"something else":      {[]string{"correct horse", seed}, 0, "begins with SU"},
		"never":               {[]string{"a", "b", "c"}, 1, "begins with SU"},
		"nothing":             {[]string{""}, 1, "asks for a token"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "new", "agent.yaml")
			shown, code := joinAtTerminal(t, test.lines, url, "--config", file, "--camera", "porch=pattern:")
			if code != test.code || !strings.Contains(shown, test.says) {
				t.Errorf("exit code %d, shown %s", code, shown)
			}
			for _, line := range test.lines {
				if len(line) > 20 && strings.Contains(shown, line) {
					t.Errorf("what was typed is shown: %s", shown)
				}
			}
			got, err := credential.ReadFile(filepath.Join(filepath.Dir(file), "agent.credential"))
			if code == 0 && got != cred || code != 0 && !os.IsNotExist(err) && err == nil {
				t.Errorf("the credential file: %v, %v", got, err)
			}
		})
	}
}
