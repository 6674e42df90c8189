package examples

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/agent"
	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

const binariesEnv = "BRAMBLE_EXAMPLES_BIN" // the folder of the programs under test

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "bramble-examples-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder in the system's temporary one
	build := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range []string{"save-jpegs", "detectors", "snapshot"} {
		build = append(build, "github.com/bramble-cam/bramble/examples/"+name)
	}
	out, err := exec.Command("go", build...).CombinedOutput()
	if err == nil {
		err = os.Setenv(binariesEnv, dir)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines are left over:", err)
			return 1
		}
	}
	return code
}

func binary(name string) string { return filepath.Join(os.Getenv(binariesEnv), name) }

// need skips the test if a program is not installed.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed: make test installs it where it can", p)
		}
	}
}

// start starts a program with env added to the environment. It is killed when the test ends, and what it said is shown
// if the test has failed.
func start(t *testing.T, env []string, name string, args ...string) *proc.Process {
	t.Helper()
	p, err := proc.Start(env, name, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(name), p.Output())
		}
	})
	return p
}

// waitEnded waits until a program ends by itself.
func waitEnded(t *testing.T, p *proc.Process) {
	t.Helper()
	select {
	case <-p.Ended():
	case <-time.After(testutil.Timeout):
		t.Fatal("the program has not ended")
	}
}

// serve runs an agent with cameras NAME=SOURCE.
func serve(t *testing.T, url string, cameras ...string) {
	t.Helper()
	cfg := agent.Config{Hub: url, Version: "1.2.3", Linger: 500 * time.Millisecond, Log: testutil.Log(t)}
	for _, s := range cameras {
		c, err := agent.ParseCamera(s)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Cameras = append(cfg.Cameras, c)
	}
	a, err := agent.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, a.Run)
	nc := testutil.Connect(t, url)
	for _, c := range cfg.Cameras {
		testutil.Eventually(t, "the agent serves "+c.Name, func() bool {
			_, err := nc.Request("cam."+c.Name+".do.info", nil, testutil.Timeout)
			return err == nil
		})
	}
}

// picture makes a grey JPEG.
func picture(t *testing.T, width, height int, grey uint8) []byte {
	t.Helper()
	p := image.NewGray(image.Rect(0, 0, width, height))
	for i := range p.Pix {
		p.Pix[i] = color.Gray{Y: grey}.Y
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// publish sends a frame as an agent would.
func publish(t *testing.T, nc *nats.Conn, subj string, seq int, payload []byte) {
	t.Helper()
	f := frame.Frame{Format: frame.JPEG, Seq: uint64(seq), Epoch: 1, CaptureTime: time.Now(), Payload: payload}
	msg := nats.NewMsg(subj)
	msg.Data = payload
	frame.Encode(frame.Header(msg.Header), &f)
	if err := nc.PublishMsg(msg); err != nil {
		t.Fatal(err)
	}
}

// waitSaid waits until a program has said text.
func waitSaid(t *testing.T, p *proc.Process, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	if err := p.WaitOutput(ctx, text); err != nil {
		t.Fatal(err)
	}
}

// output runs a program with env added to the environment, and returns its standard output.
func output(t *testing.T, env []string, name string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*testutil.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var said bytes.Buffer
	cmd.Env, cmd.Stderr = append(os.Environ(), env...), &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", filepath.Base(name), err, out, said.String())
	}
	return out
}
