package rpicam

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/splitter"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
)

// fakeRPiCamDir is the variable with the folder in which the fake rpicam-vid was built.
const fakeRPiCamDir = "BRAMBLE_TEST_FAKE_RPICAM"

// buildOnce keeps tests that run at once from building twice.
type buildOnce struct {
	once sync.Once
	err  error
}

var fakeRPiCam buildOnce

// buildFakeRPiCam builds e2e/fakerpicam, once for all tests, and returns its path.
func buildFakeRPiCam(tb testing.TB) string {
	tb.Helper()
	fakeRPiCam.once.Do(func() {
		dir, err := os.MkdirTemp("", "bramble-fake-rpicam-")
		if err == nil {
			err = os.Setenv(fakeRPiCamDir, dir)
		}
		if err == nil {
			var out []byte
			if out, err = exec.Command("go", "build", "-o", filepath.Join(dir, "rpicam-vid"), "../../../../e2e/fakerpicam").
				CombinedOutput(); err != nil {
				tb.Logf("%s", out)
			}
		}
		fakeRPiCam.err = err
	})
	if fakeRPiCam.err != nil {
		tb.Fatalf("go build e2e/fakerpicam: %v", fakeRPiCam.err)
	}
	return filepath.Join(os.Getenv(fakeRPiCamDir), "rpicam-vid")
}

// pi is a Pi with the fake rpicam-vid on it.
type pi struct {
	tb       testing.TB
	dir      string
	env      map[string]string // of the fake rpicam-vid, without BRAMBLE_FAKE_RPICAM in front
	hardware bool              // it has the encoder
	drops    drop.Counters
}

func newPi(tb testing.TB, faults string) *pi {
	tb.Helper()
	return &pi{tb: tb, dir: tb.TempDir(), env: map[string]string{"": faults}}
}

// piVariants are the four ways to run rpicam-vid.
func piVariants() map[string]struct {
	options, version, platform string
} {
	return map[string]struct{ options, version, platform string }{
		"H.264 on a Pi 0 to 4":                {"codec=h264", "1.9.0", "vc4"},
		"H.264 by libcamera-vid 1.2":          {"codec=h264", "1.2.0", "vc4"},
		"MJPEG":                               {"codec=mjpeg&size=1280x720&quality=80", "1.9.0", "vc4"},
		"MJPEG on a Pi 5":                     {"codec=mjpeg&size=320x240", "1.4.0", "pisp"},
		"H.264 on a Pi 5":                     {"codec=h264", "1.8.0", "pisp"},
		"H.264 on a Pi 5, old":                {"codec=h264", "1.6.0", "pisp"},
		"H.264 on a Pi 5, before low latency": {"codec=h264", "1.5.0", "pisp"},
	}
}

// as makes it a Pi of a variant and returns the options for it.
func (p *pi) as(name string) (options string) {
	v, ok := piVariants()[name]
	if !ok {
		p.tb.Fatalf("no variant %s", name)
	}
	p.env["_VERSION"], p.env["_PLATFORM"], p.hardware = v.version, v.platform, v.platform == "vc4"
	return v.options
}

// environ is the fake rpicam-vid's environment.
func (p *pi) environ() []string {
	env := os.Environ()
	for k, v := range p.env {
		env = append(env, "BRAMBLE_FAKE_RPICAM"+k+"="+v)
	}
	return env
}

// source parses a source that runs here.
func (p *pi) source(spec string) *camera {
	p.tb.Helper()
	src, err := source.Registry{"rpicam": New}.Parse("porch", spec, source.Env{Drops: &p.drops, Log: testutil.Log(p.tb)})
	if err != nil {
		p.tb.Fatal(err)
	}
	r := src.(*camera)
	r.host = host{
		programs: []string{buildFakeRPiCam(p.tb)}, env: p.environ(), stall: 50 * time.Millisecond, stopTime: testutil.Timeout,
		hardware: func() (bool, error) { return p.hardware, nil },
	}
	return r
}

// recorded is what the fake rpicam-vid wrote, picture by picture.
func (p *pi) recorded() (pictures [][]byte) {
	p.tb.Helper()
	data, err := os.ReadFile(p.env["_RECORD"])
	if err != nil {
		p.tb.Fatal(err)
	}
	for len(data) > 4 {
		n := 4 + int(binary.BigEndian.Uint32(data))
		if n > len(data) {
			break // it was stopped meanwhile
		}
		pictures = append(pictures, data[4:n])
		data = data[n:]
	}
	return pictures
}

// wire is what the recorded pictures are after normalisation.
func (p *pi) wire(r *camera) (frames [][]byte) {
	p.tb.Helper()
	c := splitter.NewChecker(r.Format(), &drop.Counters{}, &r.reorders)
	for n, picture := range p.recorded() {
		u, ok := c.Check(picture)
		if !ok {
			p.tb.Fatalf("the fake rpicam-vid's picture %d is not good", n)
		}
		frames = append(frames, bytes.Clone(u.Data))
	}
	return frames
}

// temp makes a folder the temporary one for the test, and returns a function that says what is in it. It keeps the
// test from running in parallel.
func temp(t *testing.T) func() []string {
	buildFakeRPiCam(t) // elsewhere
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	return func() (names []string) {
		found, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if strings.HasPrefix(f.Name(), "bramble-") { // not the tests' own
				names = append(names, f.Name())
			}
		}
		return names
	}
}
