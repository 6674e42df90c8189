package install

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// screen is what a terminal shows.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

// Write implements io.Writer.
func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// join does on the Pi what an operator does: it pastes the command and then the token into a shell at a terminal.
// Meanwhile neither the list of processes nor the screen shows the token.
func join(t *testing.T, l *lab, line, token string) {
	t.Helper()
	began := time.Now()
	shell := l.shell("pi", "script --quiet --return --command 'bash --norc -i' typescript")
	shown := &screen{}
	shell.Stdout, shell.Stderr = shown, shown
	defer func() {
		if t.Failed() {
			t.Logf("shown was %s", masked(shown.String()))
		}
	}()
	keyboard, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- shell.Wait() }()
	// processes searches the list of processes until the screen shows a text, and once more. It reports whether the last
	// list has the command.
	processes := func(wait string) (seen bool) {
		testutil.Eventually(t, wait, func() bool {
			shows := strings.Contains(shown.String(), wait)
			list, err := l.shell("pi", `cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' ' '`).Output()
			if err != nil {
				t.Fatal(err)
			}
			seen = bytes.Contains(list, []byte("bramble-agent join "))
			if bytes.Contains(list, []byte(token)) {
				t.Error("the list of processes has the token")
			}
			if len(ended) > 0 {
				t.Fatalf("the shell has ended: %s", shown)
			}
			return shows
		})
		return seen
	}
	press(t, keyboard, line)
	if !processes("Token that") { // it waits for the token now
		t.Error("join is not in the list of processes")
	}
	press(t, keyboard, token)
	processes("The agent runs")
	press(t, keyboard, "exit")
	if err := keyboard.Close(); err != nil {
		t.Error(err)
	}
	if err := testutil.Receive(t, "the end of the shell", ended); err != nil {
		t.Errorf("%v: %s", err, masked(shown.String()))
	}
	if strings.Contains(shown.String(), token) {
		t.Error("the screen has shown the token")
	}
	t.Logf("pi# %s   (%v)", line, time.Since(began).Round(10*time.Millisecond))
}

func press(t *testing.T, keyboard io.Writer, line string) {
	t.Helper()
	if _, err := io.WriteString(keyboard, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// traces searches the journals, with what sudo logs, the shell's history, and every file of both hosts for the
// agent's token.
func traces(t *testing.T, l *lab, token string) {
	t.Helper()
	const journal = "journalctl --no-pager --all --output=cat"
	for host, did := range map[string]string{"hub": "bramble-hub agent add porch", "pi": "bramble-agent join "} {
		if log := l.run(host, journal, ""); !strings.Contains(log, "COMMAND=/usr/bin/"+did) || strings.Contains(log, token) {
			t.Errorf("the journal of %s lacks what sudo logs, or has the token:\n%s", host, masked(log))
		}
	}
	if history := l.run("pi", "cat .bash_history", ""); !strings.Contains(history, "bramble-agent join ") ||
		strings.Contains(history, token) {
		t.Errorf("the shell's history: %s", masked(history))
	}
	for host, want := range map[string]string{"hub": "", "pi": "/etc/bramble/agent.credential\n"} {
		search := l.shell(host,
			"grep --recursive --files-with-matches --fixed-strings --file=- "+
				"--devices=skip --exclude-dir=proc --exclude-dir=sys --exclude-dir=credentials /")
		search.Stdin = strings.NewReader(token + "\n")
		found, err := search.Output() // grep also fails for a file that is gone meanwhile
		if string(found) != want {
			t.Errorf("on %s the token is in %q, want %q: %v", host, found, want, err)
		}
	}
}
