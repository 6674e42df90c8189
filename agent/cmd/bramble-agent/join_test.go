package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/systemd"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// startAuthServer starts a NATS server that lets in who has the credential, for the camera porch.
func startAuthServer(t *testing.T) (url string, cred credential.Credential) {
	t.Helper()
	cred, err := credential.New()
	if err != nil {
		t.Fatal(err)
	}
	allow := func(subjects ...string) *server.SubjectPermission { return &server.SubjectPermission{Allow: subjects} }
	s := testutil.StartServer(t,
		server.Options{Nkeys: []*server.NkeyUser{{Nkey: cred.Public(), Permissions: &server.Permissions{
			Publish: allow("cam.porch.>"), Subscribe: allow("cam.porch.do.>", credential.AgentInboxPrefix(cred.Public())+".>"),
		}}}})
	return s.ClientURL(), cred
}

// systemctl takes the place of systemd, and writes down what it is asked for.
func systemctl(t *testing.T) (m systemd.Manager, log string) {
	t.Helper()
	dir := t.TempDir()
	m, log = systemd.Manager{Booted: dir, Tool: filepath.Join(dir, "systemctl")}, filepath.Join(dir, "log")
	if err := os.WriteFile(m.Tool, []byte("#!/bin/sh\necho $* >>"+log+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return m, log
}

// joinWith runs join as the program does, with a service and a machine of the test's.
func joinWith(t *testing.T, m systemd.Manager, stdin string, args ...string) (said string, err error) {
	t.Helper()
	var c cli
	parser, err := kong.New(&c, config.Options("bramble-agent", description, version)...)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse(append([]string{"join"}, args...))
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	c.Join.service, c.Join.find.Root = m, t.TempDir()
	c.Join.find.PiCameras = func(context.Context) (string, error) { return "", errors.New("none here") }
	err = c.Join.run(t.Context(), joinRun{settings: &c.settings, file: string(c.Config),
		onCommandLine: settingsOnCommandLine(parsed), inFile: config.FromFile(parsed), stdin: strings.NewReader(
			stdin), out: &out})
	return out.String(), err
}

// example copies the file that the package brings.
func example(t *testing.T) (path string) {
	t.Helper()
	text, err := os.ReadFile("../../../deployments/config/agent.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "agent.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestJoin writes what the service needs, keeps what was there, and starts it; what it has written is what the agent
// reads.
func TestJoin(t *testing.T) {
	url, cred := startAuthServer(t)
	file := example(t)
	before, _ := os.ReadFile(file)
	m, log := systemctl(t)
	said, err := joinWith(t, m, "", url, "--token", cred.Seed().Reveal(), "--config", file, "--camera",
		"porch=pattern:#size=160x120", "--linger=3s", "--takeover", "--host=pi1")
	if err != nil || !strings.Contains(said, "lets this agent in") || !strings.Contains(said, "The agent runs") {
		t.Fatalf("said %s: %v", said, err)
	}
	if asked, err := os.ReadFile(log); err != nil || !strings.Contains(string(asked), "enable bramble-agent\n") ||
		!strings.Contains(string(asked), "restart bramble-agent\n") {
		t.Errorf("asked systemd for %q, %v", asked, err)
	}
	secretFile := filepath.Join(filepath.Dir(file), "agent.credential")
	if got, err := credential.ReadFile(secretFile); err != nil || got != cred {
		t.Errorf("%v, %v", got, err)
	}
	after, _ := os.ReadFile(file)
	if strings.Contains(string(after), cred.Seed().Reveal()) || strings.Contains(said, cred.Seed().Reveal()) {
		t.Error("the token is where others can read it")
	}
	if kept, err := os.ReadFile(file + ".bak"); err != nil || !bytes.Equal(kept, before) {
		t.Errorf("the old file is not kept: %v", err)
	}
	var c cli
	parser, err := kong.New(&c, config.Options("bramble-agent", description, version)...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--config", file}); err != nil {
		t.Fatal(err)
	}
	if c.Hub != url || c.CredentialFile != secretFile || len(c.Camera) != 1 ||
		c.Camera[0] != "porch=pattern:#size=160x120" || c.Linger.String() != "3s" || !c.Takeover || c.Host != "pi1" {
		t.Errorf("the file says %+v", c.settings)
	}
}

// TestJoinTLS: join tests a pinned key and writes it to the configuration. It refuses a hub with another key.
func TestJoinTLS(t *testing.T) {
	cert, other := testutil.NewCert(t, nil, nil), testutil.NewCert(t, nil, nil)
	s := testutil.StartServer(t, server.Options{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert.Certificate}}})
	url := "tls://" + s.Addr().String()
	file := example(t)
	m, _ := systemctl(t)
	if _, err := joinWith(t, m, "", url, "--config", file, "--tls-fingerprint",
		tlstrust.Fingerprint(other.Leaf)); err == nil ||
		!strings.Contains(err.Error(), "pinned is "+tlstrust.Fingerprint(other.Leaf)) {
		t.Errorf("another key: %v", err)
	}
	if said, err := joinWith(t, m, "", url, "--config", file, "--tls-fingerprint",
		tlstrust.Fingerprint(cert.Leaf)); err != nil {
		t.Fatalf("said %s: %v", said, err)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "\ntls-fingerprint:\n    - "+tlstrust.Fingerprint(cert.Leaf)+"\n") {
		t.Errorf("%s, %v", text, err)
	}
}

// TestJoinTokenElsewhere keeps the token off the command line, and --no-start leaves the service alone.
func TestJoinTokenElsewhere(t *testing.T) {
	url, cred := startAuthServer(t)
	seed := cred.Seed().Reveal()
	inFile := filepath.Join(t.TempDir(), "token")
	testutil.WriteFile(t, inFile, []byte("# of the porch\n"+seed+"\n"))
	m, log := systemctl(t)
	for name, test := range map[string]struct {
		stdin string
		args  []string
	}{
		"standard input":              {seed + "\n", []string{"--token=-"}},
		"standard input without flag": {" " + seed + "\r\n", nil},
		"a file":                      {"", []string{"--token-file", inFile}},
	} {
		file := example(t)
		args := append([]string{url, "--no-start", "--config", file, "--camera", "porch=pattern:"}, test.args...)
		if said, err := joinWith(t, m, test.stdin, args...); err != nil || !strings.Contains(said, "--config "+file) {
			t.Errorf("%s: said %s: %v", name, said, err)
		}
		if got, err := credential.ReadFile(filepath.Join(filepath.Dir(file), "agent.credential")); err != nil || got != cred {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "\ntoken") {
			t.Errorf("%s: %s, %v", name, text, err)
		}
	}
	if _, err := os.Stat(log); err == nil {
		t.Error("systemd was asked for something")
	}
}

// TestJoinMakesTheFile that --config names, and its folder; another command says that there is no such file.
func TestJoinMakesTheFile(t *testing.T) {
	url, cred := startAuthServer(t)
	file := filepath.Join(t.TempDir(), "a", "b", "agent.yaml")
	var said bytes.Buffer
	args := []string{"join", url, "--config", file, "--camera", "porch=pattern:"}
	if code := run(args, strings.NewReader(cred.Seed().Reveal()), io.Discard, &said); code != 0 {
		t.Fatalf("exit code %d, said %s", code, said.String())
	}
	if code := run([]string{"check", "--config", file}, nil, io.Discard, &said); code != 0 {
		t.Errorf("exit code %d, said %s", code, said.String())
	}
	want := map[string]os.FileMode{"agent.yaml": joinRun{}.mode(), "agent.credential": 0o600}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != len(want) {
		t.Fatalf("left are %v, %v", left, err)
	}
	for _, entry := range left {
		if info, err := entry.Info(); err != nil || info.Mode() != want[entry.Name()] {
			t.Errorf("%s: %v, %v", entry.Name(), info.Mode(), err)
		}
	}
	said.Reset()
	if code := run([]string{"check", "--config", file + "2"}, nil, io.Discard, &said); code != config.ExitConfig ||
		!strings.Contains(said.String(), "no such file") {
		t.Errorf("exit code %d, said %s", code, said.String())
	}
}

// TestJoinWarns of a token on the command line, without repeating it.
func TestJoinWarns(t *testing.T) {
	url, cred := startAuthServer(t)
	seed := cred.Seed().Reveal()
	for _, args := range [][]string{{"--token", seed}, {"--token=" + seed}} {
		var said bytes.Buffer
		code := run(append([]string{"join", url, "--config", example(t), "--camera", "porch=pattern:"}, args...),
			strings.NewReader(""), io.Discard, &said)
		for _, part := range []string{"a secret is on the command line", "sudo's log", "where=--token", "--token-file",
			"agent remove"} {
			if code != 0 || !strings.Contains(said.String(), part) || strings.Contains(said.String(), seed) {
				t.Errorf("%v: exit code %d, said %s: want %q", args[0], code, said.String(), part)
			}
		}
	}
}

// TestJoinRefused: nothing is written unless the hub lets this agent in, and each error says what helps.
func TestJoinRefused(t *testing.T) {
	url, cred := startAuthServer(t)
	stranger, err := credential.New()
	if err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused := "nats://" + closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	seed, other := cred.Seed().Reveal(), stranger.Seed().Reveal()
	for _, c := range []struct {
		name string
		args []string
		want []string
	}{
		{"no token", []string{url, "--camera=porch=pattern:"}, []string{"asks for a token", "agent add", "--token-file"}},
		{"another hub's token", []string{url, "--token", other, "--camera=porch=pattern:"},
			[]string{"does not know this token", "agent list"}},
		{"two tokens", []string{url, "--token", seed, "--token-file", "x", "--camera=porch=pattern:"},
			[]string{"--token and --token-file"}},
		{"no token file", []string{url, "--token-file", "/no/such", "--camera=porch=pattern:"},
			[]string{"--token-file", "/no/such"}},
		{"an empty line", []string{url, "--token=-", "--camera=porch=pattern:"}, []string{"standard input", "--token-file"}},
		{"half a token", []string{url, "--token", seed[:20], "--camera=porch=pattern:"},
			[]string{"--token", "it has 20 characters"}},
		{"another camera", []string{url, "--token", seed, "--camera=garden=pattern:"},
			[]string{"camera garden", "does not let", "agent add NAME --cameras garden"}},
		{"nothing listens", []string{unused, "--token", seed, "--camera=porch=pattern:"},
			[]string{"connection refused", "systemctl status bramble-hub", "bramble-hub setup"}},
		{"no such name", []string{"nats://no-such-host.invalid", "--token", seed, "--camera=porch=pattern:"},
			[]string{"no-such-host.invalid", "IP address"}},
		{"the second URL is no better", []string{unused + ",nats://no-such-host.invalid", "--token", seed,
			"--camera=porch=pattern:"}, []string{"connection refused", "IP address"}},
		{"no URL", []string{"nats://", "--token", seed}, []string{"nats://hub:4222"}},
		{"no camera found", []string{url, "--token", seed, "--camera=porch"},
			[]string{"0 found", "devices", "--camera porch=pattern:"}},
		{"no such source", []string{url, "--token", seed, "--camera=porch=webcam:"}, []string{"camera porch", "known are"}},
		{"no such setting", []string{url, "--token", seed, "--lingre=3s"}, []string{"--lingre"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := example(t)
			before, _ := os.ReadFile(file)
			m, log := systemctl(t)
			_, err := joinWith(t, m, "", append(c.args, "--config", file)...)
			for _, part := range c.want {
				if err == nil || !strings.Contains(setting.Flags(err), part) {
					t.Errorf("%v does not say %q", err, part)
				}
			}
			if err != nil && (strings.Contains(setting.Flags(err), seed) || strings.Contains(err.Error(), other)) {
				t.Errorf("the token is shown: %v", err)
			}
			after, _ := os.ReadFile(file)
			if _, err := os.Stat(log); err == nil || !bytes.Equal(before, after) {
				t.Error("something was changed")
			}
		})
	}
}

// TestJoinCommand: the program itself takes the line, and without systemd's service says how to start.
func TestJoinCommand(t *testing.T) {
	url, cred := startAuthServer(t)
	file := example(t)
	var said bytes.Buffer
	code := run([]string{"join", url, "--token", "-", "--config", file, "--camera", "porch=pattern:"},
		strings.NewReader(cred.Seed().Reveal()), io.Discard, &said)
	if code != 0 || !strings.Contains(said.String(), "Start it with: bramble-agent --config "+file) {
		t.Errorf("exit code %d, said %s", code, said.String())
	}
}

func TestWithPort(t *testing.T) {
	for urls, want := range map[string]string{
		"hub": "nats://hub:4222", "nats://hub": "nats://hub:4222", "nats://a:1,b": "nats://a:1,nats://b:4222",
		"tls://hub": "tls://hub:4222",
	} {
		if got, err := withPort(urls); err != nil || got != want {
			t.Errorf("%s: %s, %v", urls, got, err)
		}
	}
}

// TestJoinRightAfterAdd: an agent that was added a moment ago joins, though the hub needs up to a second to know it.
func TestJoinRightAfterAdd(t *testing.T) {
	url, cred := startAuthServer(t)
	stranger, err := credential.New()
	if err != nil {
		t.Fatal(err)
	}
	known := testutil.StartServer(t, server.Options{Nkeys: []*server.NkeyUser{{Nkey: stranger.Public()}}})
	attempts := 0
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { // the first connection is with a hub that does not know the agent yet
		defer close(done)
		for _, to := range []string{known.ClientURL(), url} {
			client, err := proxy.Accept()
			if err != nil {
				return
			}
			attempts++
			hub, err := net.Dial("tcp", strings.TrimPrefix(to, "nats://"))
			if err != nil {
				_ = client.Close() // which the test notices
				return
			}
			go func() {
				_, _ = io.Copy(hub, client) // ends with either
				_ = hub.Close()
			}()
			_, _ = io.Copy(client, hub)
			_ = client.Close()
		}
	}()
	m, _ := systemctl(t)
	said, err := joinWith(t, m, "", "nats://"+proxy.Addr().String(), "--token", cred.Seed().Reveal(), "--config",
		example(t), "--camera=porch=pattern:")
	_ = proxy.Close()
	<-done
	if err != nil || attempts != 2 {
		t.Errorf("%d attempts, said %s: %v", attempts, said, err)
	}
}

// TestJoinAnotherHub: settings for one hub's certificate are removed from the file. Otherwise the service could not
// connect to the next hub.
func TestJoinAnotherHub(t *testing.T) {
	cert := testutil.NewCert(t, nil, nil)
	one := testutil.StartServer(t,
		server.Options{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert.Certificate}}})
	url, cred := startAuthServer(t)
	file := example(t)
	m, _ := systemctl(t)
	pin := tlstrust.Fingerprint(cert.Leaf)
	hub := "tls://" + one.Addr().String()
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{hub, "--tls-fingerprint", pin}, "\ntls-fingerprint:\n    - " + pin + "\n"},
		{[]string{hub}, "\ntls-fingerprint:\n    - " + pin + "\n"},
		{[]string{url}, "\ntls-fingerprint: []\n"},
		{[]string{hub, "--tls-ca", cert.CertFile}, "\ntls-ca: " + cert.CertFile + "\n"},
		{[]string{hub, "--tls-fingerprint", pin, "--tls-ca", ""}, "\ntls-ca: \"\"\n"},
	} {
		stdin := ""
		if step.args[0] == url {
			stdin = cred.Seed().Reveal()
		}
		said, err := joinWith(t, m, stdin, append(step.args, "--config", file)...)
		text, _ := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), step.want) {
			t.Fatalf("%v: said %s: %v\n%s", step.args, said, err, text)
		}
	}
}
