package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// guarded is a hub program with users, and commands upon its credentials file.
type guarded struct {
	t    *testing.T
	file string
	hub  *process
	root string
	nats string
	tls  []string // flags; none: plain HTTP
}

const annaPassword = "correct horse battery staple"

// command runs a command of the hub program and returns what it prints.
func (g *guarded) command(stdin string, args ...string) string {
	g.t.Helper()
	cmd := exec.Command(binary("bramble-hub"),
		append(append([]string{"--credentials", g.file, "--http", strings.SplitAfter(g.root, "://")[1]}, g.tls...),
			args...)...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(stdin), &said
	out, err := cmd.Output()
	if err != nil {
		g.t.Fatalf("bramble-hub %s: %v\n%s", args[0], err, said.String())
	}
	return strings.TrimSpace(string(out))
}

// newGuarded starts a hub whose user anna may see porch, with an agent that joins as the hub says, and publishes porch
// and yard.
func newGuarded(t *testing.T, tls ...string) *guarded {
	t.Helper()
	g := &guarded{t: t, tls: tls, file: filepath.Join(t.TempDir(), "credentials.json"), root: "http://127.0.0.1:0"}
	g.command(annaPassword+"\n", "user", "add", "anna", "--cameras", "porch", "--password-stdin")
	// without users there is no authentication
	g.command(annaPassword+"\n", "user", "add", "root", "--role", "admin", "--password-stdin")
	_, token, _ := strings.Cut(g.command("", "agent", "add", "pi", "--cameras", "porch,yard"), "\n")
	g.hub = start(t, binary("bramble-hub"), append([]string{
		"--credentials", g.file, "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0", "--log-format", "json",
	}, tls...)...)
	g.root = g.hub.page()
	for line := range strings.Lines(g.hub.output()) {
		var said struct{ Msg, URL string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "NATS ready" {
			g.nats = said.URL
		}
	}
	seed := filepath.Join(t.TempDir(), "seed")
	if err := os.WriteFile(seed, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	agent := start(t, binary("bramble-agent"), "--hub", g.nats, "--credential-file", seed, "--camera", small("porch"),
		"--camera", small("yard"))
	agent.waitOutput("msg=serving")
	return g
}

// TestLogin lets a browser come to a hub with users: a wrong password, the right one, what anna may see and nothing
// else, a link in a page of another site, log-out, and the end of a user who is looking.
func TestLogin(t *testing.T) {
	testutil.System(t, "plays through logins in Chromium")
	t.Parallel()
	cert := testutil.NewCert(t, nil, nil)
	for scheme, tls := range map[string][]string{"http": nil, "https": {"--tls-cert", cert.CertFile, "--tls-key",
		cert.KeyFile}} {
		t.Run(scheme, func(t *testing.T) { testLogin(t, newGuarded(t, tls...)) })
	}
}

func testLogin(t *testing.T, g *guarded) {
	link := g.command("", "link", "porch", "--format", "mjpeg")
	if !strings.HasPrefix(link, g.root+"/cam/porch.mjpeg?link=") {
		t.Fatal("bramble-hub link prints no URL of the hub")
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /password", func(w http.ResponseWriter, _ *http.Request) {
		// neither in the process list nor in the environment
		_, _ = io.WriteString(w, annaPassword)
	})
	mux.HandleFunc("POST /remove", func(http.ResponseWriter, *http.Request) { g.command("", "user", "remove", "anna") })
	control := httptest.NewServer(mux)
	t.Cleanup(control.Close)
	var result struct {
		Refusal string
		Cameras []string
		Link    int
	}
	runBrowser(t, &result, "login.mjs", g.root, "--user", "anna", "--camera", "porch", "--link", link, "--other",
		otherOrigin(t), "--control", control.URL)
	if result.Refusal == "" || result.Link == 0 {
		t.Errorf("%+v: a wrong password is not answered, or a link shows nothing", result)
	}
	if fmt.Sprint(result.Cameras) != "[porch]" {
		t.Errorf("anna sees %v, want porch alone", result.Cameras)
	}
	for _, secret := range []string{annaPassword, strings.SplitAfter(link, "link=")[1]} {
		if strings.Contains(g.hub.output(), secret) {
			t.Error("the hub's log has a password or a link")
		}
	}
}
