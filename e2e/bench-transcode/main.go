//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/bramble-cam/bramble/agent"
	"github.com/bramble-cam/bramble/hub"
)

// maxTiles is the largest grid measured, and so the number of cameras of each kind.
const maxTiles = 25

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if len(os.Args) == 4 && os.Args[1] == "cameras" {
		err = cameras(ctx, os.Args[2], os.Args[3])
	} else {
		err = run(ctx)
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench-transcode:", err) // there is no other place to report it
		os.Exit(1)
	}
}

// cameras is the agent: a process of its own, so that its processor time is not the hub's.
func cameras(ctx context.Context, natsURL, dir string) error {
	cfg := agent.Config{Hub: natsURL, Host: "bench", Version: "0.0.0", Log: slog.New(slog.DiscardHandler)}
	for n := range maxTiles {
		cfg.Cameras = append(cfg.Cameras,
			agent.Camera{Name: fmt.Sprintf("jpeg-%d", n), Source: "file:" + filepath.Join(dir, "clip.mjpeg") + "#fps=15"},
			agent.Camera{Name: fmt.Sprintf("h264-%d", n), Source: "file:" + filepath.Join(dir, "clip.h264") + "#fps=15"})
	}
	a, err := agent.New(cfg)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// run starts the hub here and the agent as a child, and measures.
func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bramble-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // in the system's temporary folder
	if err := clips(ctx, dir); err != nil {
		return err
	}
	h, err := hub.New(hub.Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", Linger: 300 * time.Millisecond,
		MaxTranscodes: 2 * maxTiles, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }() // received below
	defer func() {
		cancel()
		<-ended
	}()
	addr, natsURL, err := h.WaitStarted(ctx)
	if err != nil {
		return err
	}
	child := exec.CommandContext(ctx, os.Args[0], "cameras", natsURL, dir)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		return err
	}
	defer func() {
		cancel()
		_ = child.Wait() // killed
	}()
	b := &bench{root: "http://" + addr}
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
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i",
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
