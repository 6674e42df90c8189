package oidc

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// timeout is more than anything takes.
const timeout = 60 * time.Second

// program builds bramble-hub once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "bramble-oidc")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "bramble-hub")
	build := exec.Command("go", "build", "-o", name, "./hub/cmd/bramble-hub")
	build.Dir = filepath.Join("..", "..")
	build.Stderr = os.Stderr
	return name, build.Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if name, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(name)) // a temporary directory is left at worst
	}
	os.Exit(code)
}

// hub is bramble-hub demo behind a proxy, whose address is known before the hub has one.
type hub struct {
	t     *testing.T
	url   string // of the proxy, without a slash at its end
	file  string // credentials
	log   *log
	front *httptest.Server
}

// log keeps what the hub says.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newHub makes the proxy and the credentials file.
func newHub(t *testing.T) *hub {
	t.Helper()
	h := &hub{t: t, file: filepath.Join(t.TempDir(), "credentials.json"), log: &log{}}
	h.front = httptest.NewUnstartedServer(nil)
	h.url = "http://" + h.front.Listener.Addr().String()
	return h
}

func (h *hub) redirectURL() string { return h.url + "/login/oidc/callback" }

// command runs a command of bramble-hub that must succeed.
func (h *hub) command(args ...string) {
	h.t.Helper()
	name, err := program()
	if err != nil {
		h.t.Fatal(err)
	}
	if out, err := exec.CommandContext(h.t.Context(), name, append([]string{"--credentials=" + h.file}, args...)...).
		CombinedOutput(); err != nil {
		h.t.Fatalf("%v: %v: %s", args, err, out)
	}
}

// cameras is how many the demo has.
const cameras = 4

var ready = regexp.MustCompile(`msg="hub ready" page=(http://\S+)/`)

// start runs the hub until the test ends.
func (h *hub) start(issuer string, flags ...string) {
	h.t.Helper()
	name, err := program()
	if err != nil {
		h.t.Fatal(err)
	}
	secretFile := filepath.Join(h.t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(clientSecret+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(h.t.Context()), timeout)
	cmd := exec.CommandContext(ctx, name, append([]string{
		"demo", "--http=127.0.0.1:0", "--nats=127.0.0.1:0", "--credentials=" + h.file, "--oidc-issuer=" + issuer,
		"--oidc-client-id=" + clientID, "--oidc-client-secret-file=" + secretFile, "--oidc-redirect-url=" + h.redirectURL(),
		"--oidc-name=the lab",
	}, flags...)...)
	cmd.Env = append(os.Environ(), "XDG_STATE_HOME="+h.t.TempDir())
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	said, err := cmd.StderrPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was ended
		h.front.Close()
		if h.t.Failed() {
			h.t.Log(h.log)
		}
	})
	page := make(chan string, 1)
	go func() { // ends with the hub, whose end the pipe is
		lines, at, found := bufio.NewScanner(io.TeeReader(said, h.log)), "", 0
		for lines.Scan() {
			if m := ready.FindStringSubmatch(lines.Text()); m != nil {
				at = m[1]
			}
			if strings.Contains(lines.Text(), `msg="camera found"`) {
				if found++; found == cameras {
					page <- at
				}
			}
		}
	}()
	select {
	case at := <-page:
		target, err := url.Parse(at)
		if err != nil {
			h.t.Fatal(err)
		}
		h.front.Config.Handler = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(
				target)
			r.Out.Host = r.In.Host
		}}
		h.front.Start()
	case <-ctx.Done():
		h.t.Fatalf("the hub is not ready: %s", h.log)
	}
}
