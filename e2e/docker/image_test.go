//go:build linux

package docker

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// image is a root directory as a stage of the Dockerfile makes it.
type image struct {
	t    *testing.T
	dir  string
	user uint32
	*stage
}

// build makes the image of a stage that is made from scratch. What the stage "build" compiles is compiled here, and its
// /root-of is made by hand.
func build(t *testing.T, name, program string) *image {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("running in a root directory of its own needs root here")
	}
	s := stages(t)[name]
	user, err := strconv.ParseUint(strings.Split(s.user, ":")[0], 10, 32)
	if err != nil || user == 0 {
		t.Fatalf("%s runs as %q", name, s.user)
	}
	i := &image{t: t, dir: t.TempDir(), user: uint32(user), stage: s}
	for parent := i.dir; parent != os.TempDir() && parent != "/"; parent = filepath.Dir(parent) {
		i.must(os.Chmod(parent, 0o755)) // testing makes them for this user alone
	}
	for _, c := range s.copies {
		if c[0] == "/root-of" {
			i.rootOf()
			continue
		}
		to := filepath.Join(i.dir, c[1])
		i.must(os.MkdirAll(filepath.Dir(to), 0o755))
		cmd := exec.Command("go", "build", "-o", to, filepath.Join(root, program))
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		i.must(os.Chmod(to, 0o755))
	}
	return i
}

func (i *image) must(err error) {
	i.t.Helper()
	if err != nil {
		i.t.Fatal(err)
	}
}

func (i *image) rootOf() {
	for _, name := range []string{"passwd", "group"} {
		text, err := os.ReadFile(filepath.Join(root, "deployments/docker", name))
		i.must(err)
		i.must(os.MkdirAll(filepath.Join(i.dir, "etc"), 0o755))
		i.must(os.WriteFile(filepath.Join(i.dir, "etc", name), text, 0o600))
		i.must(os.Chmod(filepath.Join(i.dir, "etc", name), 0o644))
	}
	state := filepath.Join(i.dir, "var/lib/bramble")
	i.must(os.MkdirAll(state, 0o700))
	for _, dir := range []string{"var", "var/lib"} {
		i.must(os.Chmod(filepath.Join(i.dir, dir), 0o755))
	}
	i.must(os.Chown(state, int(i.user), int(i.user)))
}

// command is one in the image, as its user, who can write nowhere but into the volume.
func (i *image) command(env []string, line string) *exec.Cmd {
	words := strings.Fields(line)
	return &exec.Cmd{
		Path: words[0], Args: words, Dir: "/", Env: append(append([]string{}, i.env...), env...),
		SysProcAttr: &syscall.SysProcAttr{Chroot: i.dir, Credential: &syscall.Credential{Uid: i.user, Gid: i.user}},
	}
}

// said is what a program writes.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// start runs the image's entry point until the test ends: SIGTERM must end it in good order.
func (i *image) start(env []string, args string) *said {
	i.t.Helper()
	var out said
	cmd := i.command(env, i.entry+" "+args)
	cmd.Stdout, cmd.Stderr = &out, &out
	i.must(cmd.Start())
	i.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			i.t.Errorf("%s after SIGTERM: %v\n%s", i.entry, err, out.String())
		}
	})
	return &out
}

// healthy runs the image's health check.
func (i *image) healthy(env []string) error {
	out, err := i.command(env, i.health).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func (i *image) waitHealthy(env []string) {
	i.t.Helper()
	var err error
	testutil.Eventually(i.t, "it is healthy", func() bool {
		err = i.healthy(env)
		return err == nil
	})
}

// TestImages runs the images of hub and agent with a NATS server: they become healthy, a picture comes out, and the
// credentials file can be written.
func TestImages(t *testing.T) {
	testutil.System(t, "makes images")
	hub, agent := build(t, "hub", "hub/cmd/bramble-hub"), build(t, "agent", "agent/cmd/bramble-agent")
	url := testutil.StartNATS(t)
	hubEnv := []string{"BRAMBLE_HTTP=" + freeAddr(t), "BRAMBLE_NATS_URL=" + url}
	agentEnv := []string{"BRAMBLE_HUB=" + url, "BRAMBLE_CAMERA=porch=pattern:#size=320x180&fps=10"}
	if hub.healthy(hubEnv) == nil || agent.healthy(agentEnv) == nil {
		t.Error("healthy before they run")
	}
	log := hub.start(hubEnv, "--log-format json")
	agent.start(agentEnv, "")
	hub.waitHealthy(hubEnv)
	agent.waitHealthy(agentEnv)

	addr := strings.TrimPrefix(hubEnv[0], "BRAMBLE_HTTP=")
	testutil.Eventually(t, "a picture",
		func() bool { return get(t.Context(), "http://"+addr+"/cam/porch.jpeg") == http.StatusOK })
	add := hub.command(hubEnv, hub.entry+" user add anna --password-stdin")
	add.Stdin = strings.NewReader("correct horse battery staple\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Errorf("user add: %v\n%s", err, out)
	}
	testutil.Eventually(t, "the hub asks for a password",
		func() bool { return get(t.Context(), "http://"+addr+"/cam/porch.jpeg") == http.StatusUnauthorized })
	if t.Failed() {
		t.Log(log.String())
	}
}

// freeAddr returns an address of this host without a listener. The health check must know it before the hub runs.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

func get(ctx context.Context, url string) (status int) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
