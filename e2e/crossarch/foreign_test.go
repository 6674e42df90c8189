package crossarch

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/testutil"
)

const version = "1.2.3-foreign"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// board is a kind of Raspberry Pi: what its programs are called in dist, and how qemu emulates its processor.
type board struct {
	arch, qemu, cpu string
}

func boards() []board {
	return []board{
		{"arm64", "qemu-aarch64", "cortex-a53"}, // Zero 2 W, 3 and newer
		{"armv6", "qemu-arm", "arm1176"},        // Zero, 1; and 2 and newer, whose package it is, too
	}
}

// TestForeignAgents builds the agents as make dist does, and lets each deliver frames to a hub of this machine's own
// architecture.
func TestForeignAgents(t *testing.T) {
	testutil.System(t, "needs cross compilers")
	for _, b := range boards() {
		t.Run(b.arch, func(t *testing.T) {
			t.Parallel()
			emulator := findQEMU(t, b.qemu)
			dir := t.TempDir()
			said := build(t, b.arch, dir)
			for _, variant := range []string{"agent", "agent-no-v4l2"} {
				t.Run(variant, func(t *testing.T) {
					program := filepath.Join(dir, "bramble-"+variant+"-linux-"+b.arch)
					if _, err := os.Stat(program); err != nil {
						t.Skipf("no C compiler for %s: make test-system installs it where it can; scripts/dist.sh said:\n%s",
							b.arch, said)
					}
					checkProgram(t, program, b.arch, variant == "agent")
					deliver(t, []string{emulator, "-cpu", b.cpu, program})
				})
			}
		})
	}
}

// findQEMU returns the user-mode emulator, under either of the names that Debian gives it.
func findQEMU(t *testing.T, name string) string {
	t.Helper()
	for _, n := range []string{name, name + "-static"} {
		if path, err := exec.LookPath(n); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed: make test-system installs it where it can", name)
	return ""
}

// build builds both agents for arch and returns what scripts/dist.sh said.
func build(t *testing.T, arch, dir string) (said string) {
	t.Helper()
	cmd := exec.Command(filepath.Join("..", "..", "scripts", "dist.sh"), arch)
	cmd.Env = append(os.Environ(), "DIST="+dir, "VERSION="+version, "PROGRAMS=agent agent-no-v4l2")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("scripts/dist.sh: %v\n%s", err, out)
	}
	return string(out)
}

// deliver starts the agent with a JPEG and an H.264 camera and watches both at a hub.
func deliver(t *testing.T, command []string) {
	out, err := exec.Command(command[0], append(command[1:], "--version")...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), version) {
		t.Fatalf("--version: %v: %s", err, out)
	}
	root, natsURL := startHub(t)
	clip := filepath.Join("..", "..", "hub", "cmd", "bramble-hub", "clips", "garden.h264")
	p := start(t, append(command, "--hub", natsURL, "--camera", "card=pattern:#size=320x240&fps=10", "--camera",
		"clip=file:"+clip+"#fps=25"))
	testutil.Eventually(t, "the agent serves its cameras",
		func() bool { return strings.Contains(p.Output(), "msg=serving") })
	watchJPEG(t, root+"/cam/card.mjpeg", 320, 240, 20)
	watchH264(t, root+"/cam/clip.h264", 50)
}
