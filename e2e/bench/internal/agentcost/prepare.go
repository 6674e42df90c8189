//go:build linux

package agentcost

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/e2e/internal/clips"
	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// prepare builds the programs as make dist does, and makes the clips.
func prepare(ctx context.Context, dir string, span time.Duration) (*bench, error) {
	b := &bench{dir: dir, span: span, jpeg: filepath.Join(dir, "clip.mjpeg"), h264: filepath.Join(dir, "clip.h264")}
	arch := runtime.GOARCH
	dist := exec.CommandContext(ctx, "scripts/dist.sh", arch) //nolint:gosec // the program under test
	dist.Env = append(os.Environ(), "DIST="+dir, "PROGRAMS=agent agent-no-v4l2 hub")
	if out, err := dist.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("scripts/dist.sh: %w\n%s", err, out)
	}
	agent := filepath.Join(dir, "bramble-agent-linux-"+arch)
	if _, err := os.Stat(agent); err == nil {
		b.withC = true
	} else {
		agent = filepath.Join(dir, "bramble-agent-no-v4l2-linux-"+arch)
	}
	for from, to := range map[string]string{agent: "bramble-agent",
		filepath.Join(dir, "bramble-hub-linux-"+arch): "bramble-hub"} {
		if err := os.Rename(from, filepath.Join(dir, to)); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(b.program("bramble-agent"))
	if err != nil {
		return nil, err
	}
	b.agentSize = info.Size()
	//nolint:gosec // the program under test
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", b.program("rpicam-vid"), "./e2e/fakerpicam").
		CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build ./e2e/fakerpicam: %w\n%s", err, out)
	}
	if err := clips.JPEG(b.jpeg); err != nil {
		return nil, err
	}
	return b, clips.H264(ctx, b.h264)
}

func (b *bench) program(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) startHub(ctx context.Context) (*proc.Hub, error) {
	return proc.StartHub(ctx, b.program("bramble-hub"))
}

// startAgent starts an agent whose camera cam plays spec. Its program file comes from the disk, as after a boot: a file
// that was written just now lies in the page cache in large pieces, of which newer kernels map all as soon as one page
// is used.
func (b *bench) startAgent(ctx context.Context, natsURL, spec string, env ...string) (*proc.Process, error) {
	if err := uncache(b.program("bramble-agent")); err != nil {
		return nil, err
	}
	p, err := proc.Start(env, b.program("bramble-agent"), "--hub", natsURL, "--camera", "cam="+spec)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := p.WaitOutput(ctx, "msg=serving"); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

// uncache removes a file from the page cache, unless a process uses it.
func uncache(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED), f.Close())
}

// wait waits for d, or returns ctx's error.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
