//go:build linux

// Package renditions measures what renditions cost the hub's machine, and how soon they show a picture.
package renditions

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// maxTiles is the largest grid measured, and so the number of cameras of each kind.
const maxTiles = 25

// Command is the subcommand transcode.
type Command struct{}

// Run implements kong's command. It starts a hub and an agent, and measures.
func (*Command) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bramble-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // in the system's temporary folder
	if err := clips(ctx, dir); err != nil {
		return err
	}
	hub, agent := filepath.Join(dir, "bramble-hub"), filepath.Join(dir, "bramble-agent")
	for file, pkg := range map[string]string{hub: proc.HubPackage, agent: proc.AgentPackage} {
		if err := proc.Build(ctx, file, pkg); err != nil {
			return err
		}
	}
	h, err := proc.StartHub(ctx, hub, "--linger", "300ms", "--max-transcodes", fmt.Sprint(2*maxTiles))
	if err != nil {
		return err
	}
	defer h.Stop()
	args := []string{"--hub", h.NATS}
	for n := range maxTiles {
		args = append(args, "--camera", fmt.Sprintf("jpeg-%d=file:%s#fps=15", n, filepath.Join(dir, "clip.mjpeg")),
			"--camera", fmt.Sprintf("h264-%d=file:%s#fps=15", n, filepath.Join(dir, "clip.h264")))
	}
	cameras, err := proc.Start(nil, agent, args...)
	if err != nil {
		return err
	}
	defer cameras.Stop()
	b := &bench{hub: h}
	if err := b.waitCameras(ctx); err != nil {
		return err
	}
	for _, measure := range []func(context.Context, io.Writer) error{b.firstPictures, b.stills, b.tiles} {
		if err := measure(ctx, os.Stdout); err != nil {
			return err
		}
	}
	return nil
}

// clips makes what the cameras play: 1280x720 with noise as of a sensor, 2 Mbit/s with a GOP of 4 s, and JPEGs of some
// 80 kB.
func clips(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", //nolint:gosec // the program under test
		"testsrc2=size=1280x720:rate=15,noise=alls=6:allf=t", "-frames:v", "240",
		"-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-b:v", "2M", "-x264-params",
		"keyint=60:scenecut=0:sliced-threads=0",
		filepath.Join(dir, "clip.h264"), "-frames:v", "60", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "6",
		filepath.Join(dir, "clip.mjpeg"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ffmpeg: %w: %s", err, out)
	}
	return nil
}
