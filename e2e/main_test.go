package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// binaries is the folder of the programs under test: they are built once, as a user builds them.
const binariesEnv = "BRAMBLE_E2E_BIN"

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "bramble-e2e-")
	if err == nil {
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	if err := os.Setenv(binariesEnv, dir); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "e2e: goroutines are left over:", err)
			code = 1
		}
	}
	_ = os.RemoveAll(dir) // a folder in the system's temporary one
	os.Exit(code)
}

func build(dir string) error {
	packages := []string{
		"github.com/bramble-cam/bramble/agent/cmd/bramble-agent", "github.com/bramble-cam/bramble/hub/cmd/bramble-hub",
		"github.com/bramble-cam/bramble/examples/save-jpegs", "github.com/nats-io/nats-server/v2",
	}
	out, err := exec.Command("go", append([]string{"build", "-o", dir + string(filepath.Separator)}, packages...)...).
		CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

func binary(name string) string { return filepath.Join(os.Getenv(binariesEnv), name) }

// process is a program under test.
type process struct {
	tb   testing.TB
	cmd  *exec.Cmd
	mu   sync.Mutex
	log  bytes.Buffer
	done chan struct{}
}

// start starts a program. It is killed when the test ends, and its output shown if the test has failed.
func start(tb testing.TB, name string, args ...string) *process {
	tb.Helper()
	p := &process{tb: tb, cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // a killed program has no good end
		close(p.done)
	}()
	tb.Cleanup(func() {
		p.kill()
		if tb.Failed() {
			tb.Logf("%s said:\n%s", filepath.Base(name), p.output())
		}
	})
	return p
}

// Write takes in what the program says.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = testutil.SecretLog{}.Write(b) // if it cannot, the search finds that nothing was logged
	return p.log.Write(b)
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// kill ends the program as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// waitOutput waits until the program has said text.
func (p *process) waitOutput(text string) {
	p.tb.Helper()
	testutil.Eventually(p.tb, "the program says "+text, func() bool { return strings.Contains(p.output(), text) })
}

// page waits until a hub, started with --log-format json, says where its page is.
func (p *process) page() (root string) {
	p.tb.Helper()
	testutil.Eventually(p.tb, "the hub says where its page is", func() bool {
		for line := range strings.Lines(p.output()) {
			var said struct{ Page string }
			if json.Unmarshal([]byte(line), &said) == nil && said.Page != "" {
				root = strings.TrimSuffix(said.Page, "/")
			}
		}
		return root != ""
	})
	return root
}

// startAgent starts the agent program with the given cameras, each NAME=SOURCE.
func startAgent(tb testing.TB, natsURL string, cameras ...string) *process {
	tb.Helper()
	args := []string{"--hub", natsURL}
	for _, c := range cameras {
		args = append(args, "--camera", c)
	}
	p := start(tb, binary("bramble-agent"), args...)
	p.waitOutput("msg=serving")
	return p
}

// startHub runs a hub in this process, under the race detector, and returns the root of its URLs and its NATS URL.
func startHub(tb testing.TB, cfg hub.Config) (root, natsURL string) {
	tb.Helper()
	cfg.HTTP = "127.0.0.1:0"
	if cfg.NATSURL == "" {
		cfg.NATS = "127.0.0.1:0"
	}
	cfg.Log = testutil.Log(tb)
	h, err := hub.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	testutil.Run(tb, h.Run)
	ctx, cancel := context.WithTimeout(context.Background(), testutil.Timeout)
	defer cancel()
	_, natsURL, err = h.WaitStarted(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSuffix(h.Page(), "/"), natsURL
}

// client returns an HTTP client whose connections end with the test.
func client(tb testing.TB) *http.Client {
	tb.Helper()
	t := &http.Transport{}
	tb.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t}
}

// waitCamera waits until the hub knows the camera.
func waitCamera(tb testing.TB, root, id string) {
	tb.Helper()
	c := client(tb)
	testutil.Eventually(tb, "the hub knows "+id, func() bool {
		resp, err := c.Get(root + "/api/v1/cameras/" + id)
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

// open requests a stream that ends with the test.
func open(tb testing.TB, url string) *bufio.Reader {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		tb.Fatal(err)
	}
	resp, err := client(tb).Do(req)
	if err != nil {
		cancel()
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cancel()
		_ = resp.Body.Close() // it was cut
	})
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		tb.Fatalf("%s: %s: %s", url, resp.Status, body)
	}
	return bufio.NewReaderSize(resp.Body, 1<<16)
}

// freePort returns a loopback address that was free just now, for a server that must come back at the same place.
func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it has no connections
	return l.Addr().String()
}

// need skips the test if a program is not installed.
func need(tb testing.TB, programs ...string) {
	tb.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			tb.Skipf("%s is not installed: make test installs it where it can", p)
		}
	}
}

// output runs a program and returns its standard output.
func output(tb testing.TB, limit time.Duration, name string, args ...string) []byte {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return out
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
