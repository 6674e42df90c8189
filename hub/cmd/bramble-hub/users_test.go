package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/hub/internal/apitoken"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
)

const testPassword = "correct horse battery staple"

// command runs a command upon a credentials file.
func command(t *testing.T, file, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, said bytes.Buffer
	code = run(append([]string{"--credentials=" + file}, args...), strings.NewReader(stdin), &out, &said)
	return out.String(), said.String(), code
}

// do runs a command that must succeed, and returns what it prints.
func do(t *testing.T, file, stdin string, args ...string) string {
	t.Helper()
	out, said, code := command(t, file, stdin, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, said)
	}
	if shown := strings.TrimSpace(out); shown != "" && !strings.Contains(out, "NAME") && strings.Contains(said, shown) ||
		strings.Contains(said, testPassword) {
		t.Errorf("%v: a secret is in the log: %s", args, said)
	}
	if len(args) > 1 && args[1] != "list" && !strings.Contains(said, "audit=") {
		t.Errorf("%v: no audit line: %s", args, said)
	}
	return out
}

func TestUserCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state", "credentials.json")
	do(t, file, testPassword+"\n", "user", "add", "anna", "--role", "operator", "--cameras", "porch,lab-*",
		"--password-stdin")
	do(t, file, testPassword, "user", "add", "otto", "--password-stdin")
	list := do(t, file, "", "user", "list")
	for _, line := range []string{`(?m)^NAME +ROLE +ENABLED +CAMERAS$`, `(?m)^anna +operator +true +porch,lab-\*$`,
		`(?m)^otto +viewer +true +\*$`} {
		if !regexp.MustCompile(line).MatchString(list) {
			t.Errorf("the list lacks %s:\n%s", line, list)
		}
	}
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	do(t, file, "another long password\r\n", "user", "passwd", "anna", "--password-stdin")
	if after, err := os.ReadFile(file); err != nil || bytes.Equal(after, before) {
		t.Errorf("the password is the same: %v", err)
	}
	do(t, file, "", "user", "set", "anna", "--role", "admin", "--no-enabled")
	if list := do(t, file, "", "user", "list"); !regexp.MustCompile(`(?m)^anna +admin +false +porch,lab-\*$`).
		MatchString(list) {
		t.Errorf("the list:\n%s", list)
	}
	token := strings.TrimSpace(do(t, file, "", "token", "add", "otto", "backup", "--expires", "720h"))
	id, _, err := apitoken.Parse(secret.Text(token))
	if err != nil {
		t.Fatalf("%q: %v", token, err)
	}
	if list := do(t, file, "", "token", "list"); !strings.Contains(list, id) || strings.Contains(list, token) {
		t.Errorf("the list:\n%s", list)
	}
	do(t, file, "", "token", "remove", id)
	do(t, file, "", "user", "remove", "otto")
	if list := do(t, file, "", "user", "list"); strings.Contains(list, "otto") {
		t.Errorf("the list:\n%s", list)
	}
}

func TestLinkCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	out := do(t, file, "", "link", "porch", "--expires", "1h", "--format", "mjpeg,jpeg")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "http://127.0.0.1:") ||
		!strings.Contains(lines[0], "/cam/porch.mjpeg?link=") || !strings.Contains(lines[1], "/cam/porch.jpeg?link=") {
		t.Errorf("printed %q", out)
	}
	published := do(t, file, "", "link", "porch", "--http", "0.0.0.0:0", "--http-published", "127.0.0.9:1")
	if !strings.HasPrefix(published, "http://127.0.0.9:1/cam/porch.mjpeg?link=") {
		t.Errorf("in a container it prints %q", published)
	}
	before := out
	do(t, file, "", "link", "--revoke-all")
	if after := do(t, file, "", "link", "porch", "--expires", "1h", "--format", "mjpeg,jpeg"); after == before {
		t.Error("the key is the same")
	}
}

func TestPeerCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	line := do(t, file, "", "agent", "add", "porch", "--nats", "192.0.2.1:4222")
	join := regexp.MustCompile(`^sudo bramble-agent join nats://192\.0\.2\.1:4222 --camera porch\n(SU[A-Z2-7]{56})\n$`).
		FindStringSubmatch(line)
	if join == nil {
		t.Fatalf("printed %q", line)
	}
	cred, err := credential.Parse(secret.Text(join[1]))
	if err != nil {
		t.Fatal(err)
	}
	_, said, _ := command(t, file, "", "agent", "add", "pi2", "--cameras", "garden,attic")
	if !strings.Contains(said, "this host only") || regexp.MustCompile(`SU[A-Z2-7]{56}`).MatchString(said) {
		t.Errorf("said %s", said)
	}
	list := do(t, file, "", "agent", "list")
	if !strings.Contains(list, cred.Public()) || !strings.Contains(list, "garden,attic") ||
		strings.Contains(list, join[1]) {
		t.Errorf("the list:\n%s", list)
	}
	seed := strings.TrimSpace(do(t, file, "", "consumer", "add", "detector", "--cameras", "lab-*"))
	if _, err := credential.Parse(secret.Text(seed)); err != nil {
		t.Errorf("%q: %v", seed, err)
	}
	if list := do(t, file, "", "consumer", "list"); !strings.Contains(list, "lab-*") {
		t.Errorf("the list:\n%s", list)
	}
	do(t, file, "", "agent", "remove", "porch")
	do(t, file, "", "consumer", "remove", "detector")
	content, err := os.ReadFile(file)
	if err != nil || strings.Contains(string(content), cred.Public()) || strings.Contains(string(content), "detector") {
		t.Errorf("%s, %v", content, err)
	}
}

// What cannot be done is told with the remedy, and changes nothing.
func TestCommandsRefuse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	do(t, file, testPassword, "user", "add", "anna", "--password-stdin")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		stdin string
		args  []string
		code  int
		says  string
	}{
		"no terminal":    {"", []string{"user", "add", "otto"}, 1, "--password-stdin"},
		"short password": {"short\n", []string{"user", "add", "otto", "--password-stdin"}, 1, "at least 10"},
		"no password":    {"", []string{"user", "passwd", "anna", "--password-stdin"}, 1, "at least 10"},
		"user twice":     {testPassword, []string{"user", "add", "anna", "--password-stdin"}, 1, "user passwd"},
		"bad name":       {testPassword, []string{"user", "add", "Anna B", "--password-stdin"}, 1, "a-z"},
		"bad role":       {"", []string{"user", "add", "otto", "--role", "boss"}, config.ExitConfig, "--role"},
		"bad glob": {testPassword, []string{"user", "add", "otto", "--cameras", "lab?", "--password-stdin"}, 1,
			"lab-*"}, "unknown user": {"", []string{"user", "remove", "otto"}, 1, "user list"},
		"unknown agent":     {"", []string{"agent", "remove", "otto"}, 1, "agent list"},
		"agent with a glob": {"", []string{"agent", "add", "pi", "--cameras", "lab-*"}, 1, "lab-*"},
		"consumer of none":  {"", []string{"consumer", "add", "x"}, config.ExitConfig, "--cameras"},
		"link to nothing":   {"", []string{"link"}, 1, "bramble-hub link porch"},
		"link to a glob":    {"", []string{"link", "lab-*"}, 1, "lab-*"},
		"link as a gif":     {"", []string{"link", "porch", "--format", "gif"}, 1, "mjpeg"},
		"link of the past":  {"", []string{"link", "porch", "--expires=-1h"}, 1, "24h"},
		"half a command":    {"", []string{"user"}, config.ExitUsage, "add"},
	} {
		out, said, code := command(t, file, test.stdin, test.args...)
		if code != test.code || !strings.Contains(said, test.says) || strings.Contains(out, "SU") {
			t.Errorf("%s: exit code %d, %q; want %q", name, code, said, test.says)
		}
	}
	if after, err := os.ReadFile(file); err != nil || !bytes.Equal(after, before) {
		t.Errorf("something was changed: %v", err)
	}
	for _, args := range [][]string{{"user", "list"}, {"agent", "add", "x"},
		{"serve", "--http=127.0.0.1:0", "--nats=127.0.0.1:0"}} {
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, said, code := command(t, file, "", args...); code == 0 || !strings.Contains(said, "chmod 600") {
			t.Errorf("%v with a file that others can read: %d, %q", args, code, said)
		}
	}
}

// A hub with credentials may listen for agents of other hosts, lets those in who are known, and follows the file.
func TestHubAsks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	line := do(t, file, "", "agent", "add", "porch")
	seed := regexp.MustCompile(`SU[A-Z2-7]{56}`).FindString(line)
	cred, err := credential.Parse(secret.Text(seed))
	if err != nil {
		t.Fatal(err)
	}
	c := parse(t, "--http=127.0.0.1:0", "--nats=0.0.0.0:0", "--credentials="+file)
	cfg, err := c.hub(testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	h, err := hub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, h.Run)
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	_, url, err := h.WaitStarted(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if nc, err := nats.Connect(url); err == nil {
		nc.Close()
		t.Error("a client without a credential connects")
	}
	lost := make(chan error, 1)
	nc, err := nats.Connect(url, append(cred.Options(), nats.NoReconnect(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { lost <- err }))...)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	do(t, file, "", "agent", "remove", "porch")
	testutil.Receive(t, "the removed agent is cut", lost)
}

// A hub does not start if a credentials file that was named, in any way, is missing. Supervisors retry after its exit
// code, because a mount may be late.
func TestNamedAndMissing(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "volume", "credentials.json")
	file := filepath.Join(t.TempDir(), "hub.yaml")
	if err := os.WriteFile(file, []byte("credentials: "+missing+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	addresses := []string{"--http=127.0.0.1:0", "--nats=127.0.0.1:0"}
	for name, args := range map[string][]string{"flag": {"--credentials=" + missing}, "file": {"--config=" + file},
		"environment": nil} {
		if name == "environment" {
			t.Setenv("BRAMBLE_CREDENTIALS", missing)
		}
		for command, want := range map[string]int{"serve": 1, "demo": 1, "check": config.ExitConfig} {
			var out, said bytes.Buffer
			code := run(append(append([]string{command}, addresses...), args...), nil, &out, &said)
			if code != want || !strings.Contains(said.String(), missing) || !strings.Contains(said.String(), "mounted") {
				t.Errorf("%s by %s: exit code %d, %q", command, name, code, said.String())
			}
		}
	}
	do(t, missing, testPassword, "user", "add", "anna", "--password-stdin") // which makes it, and its directory
	var out, said bytes.Buffer
	if code := run([]string{"check", "--credentials=" + missing}, nil, &out, &said); code != 0 {
		t.Errorf("exit code %d, %s", code, said.String())
	}
}
