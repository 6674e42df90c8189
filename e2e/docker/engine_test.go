//go:build linux

package docker

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/e2e/internal/netns"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// cannot begins the reason of a skip.
const cannot = "no container engine can be started here: "

// engine is a Docker engine with its own network.
type engine struct {
	t      *testing.T
	dir    string
	pid    int               // process in the engine's network
	env    []string          // of docker
	args   map[string]string // of builds
	client *http.Client
}

// startEngine starts an engine that ends with the test. It skips the test where that cannot be done.
func startEngine(t *testing.T) *engine {
	t.Helper()
	testutil.System(t, "builds images with Docker")
	if os.Getuid() != 0 {
		t.Skip(cannot + "not root")
	}
	for _, tool := range []string{"dockerd", "docker", "debootstrap", "unshare", "ip", "iptables"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s%s is not installed, make test-system installs it where it can", cannot, tool)
		}
	}
	namespaces := []string{"--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"}
	if out, err := exec.Command("unshare", append(namespaces, "true")...).CombinedOutput(); err != nil {
		t.Skipf("%sno namespaces: %s", cannot, out)
	}
	e := &engine{t: t, dir: t.TempDir()}
	e.must(os.WriteFile(filepath.Join(e.dir, "daemon.json"), []byte("{}"), 0o600))
	e.must(os.Mkdir(filepath.Join(e.dir, "config"), 0o700))
	e.env = append(os.Environ(), "DOCKER_HOST=unix://"+filepath.Join(e.dir, "sock"), "DOCKER_BUILDKIT=1",
		"BUILDKIT_PROGRESS=plain", "DOCKER_CONFIG="+filepath.Join(e.dir, "config"))
	cmd := exec.Command("unshare", append(namespaces, "./engine.sh", e.dir)...)
	e.must(cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // killed
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // with the first process of their namespace all others end
		<-ended
		_ = exec.Command("find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", "*/bramble-test*", "-delete").Run()
	})
	e.pid = cmd.Process.Pid
	e.client = &http.Client{Transport: &http.Transport{DialContext: netns.Dialer(e.pid), DisableKeepAlives: true}}
	testutil.Eventually(t, "the engine answers or ends", func() bool {
		select {
		case <-ended:
			log, _ := os.ReadFile(filepath.Join(e.dir, "log"))
			lines := strings.Split(strings.TrimSpace(string(log)), "\n")
			t.Skipf("%s%s", cannot, lines[len(lines)-1])
		default:
		}
		return e.command(t.Context(), "version").Run() == nil
	})
	return e
}

func (e *engine) must(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}

// command is docker with arguments, at the top of the repository.
func (e *engine) command(ctx context.Context, args ...string) *exec.Cmd {
	program := "/usr/bin/docker" // Debian's builds with BuildKit without a plugin
	if _, err := os.Stat(program); err != nil {
		program = "docker"
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = root, e.env
	return cmd
}

// run runs a command and returns its standard output. It may be called from several goroutines.
func (e *engine) run(cmd *exec.Cmd) (string, error) {
	began := time.Now()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(cmd.Args, " "), err, stdout.String(), stderr.String())
	}
	e.t.Logf("%s   (%v)", strings.Join(cmd.Args, " "), time.Since(began).Round(10*time.Millisecond))
	return strings.TrimSpace(stdout.String()), nil
}

// mustRun runs a command, which must succeed.
func (e *engine) mustRun(cmd *exec.Cmd) string {
	e.t.Helper()
	out, err := e.run(cmd)
	e.must(err)
	return out
}

// mustDocker runs docker, which must succeed.
func (e *engine) mustDocker(args ...string) string {
	e.t.Helper()
	return e.mustRun(e.command(e.t.Context(), args...))
}

// serveBuilds listens in the engine's network, for builds on the host's network. It serves the modules in this
// machine's cache as a Go module proxy does, and it is the HTTP proxy for apt.
func (e *engine) serveBuilds() {
	e.t.Helper()
	e.mustRun(goCommand("mod", "download"))
	cache := e.mustRun(goCommand("env", "GOMODCACHE"))
	modules := http.FileServer(http.Dir(filepath.Join(cache, "cache/download")))
	forward := &httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}
	server := &http.Server{ReadHeaderTimeout: testutil.Timeout, Handler: http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.IsAbs() {
				forward.ServeHTTP(w, r)
			} else {
				modules.ServeHTTP(w, r)
			}
		})}
	var l net.Listener
	e.must(netns.Do(e.pid, func() (err error) {
		l, err = net.Listen("tcp", "127.0.0.1:0")
		return err
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // until it is closed
	}()
	e.t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	url := "http://" + l.Addr().String()
	e.args = map[string]string{"GOPROXY": url, "http_proxy": url}
}

// goCommand is the go program at the top of the repository.
func goCommand(args ...string) *exec.Cmd {
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=auto", "CGO_ENABLED=0")
	return cmd
}
