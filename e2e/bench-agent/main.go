//go:build linux

// Command bench-agent measures what an agent costs the board that it runs on, and prints it beside the goals
// (docs/benchmarks/README.md).
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	seconds := flag.Int("seconds", 10, "how long each figure is measured")
	only := flag.String("only", "", "one part: footprint, allocations, idle, hubs or latency")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, time.Duration(*seconds)*time.Second, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench-agent:", err)
		os.Exit(1)
	}
}

// bench is the programs and clips that every part uses.
type bench struct {
	dir       string // holds bramble-agent, bramble-hub and rpicam-vid
	span      time.Duration
	jpeg      string // clips
	h264      string
	withC     bool
	agentSize int64
}

// source is what an agent's only camera, cam, plays.
type source struct{ name, spec, stream string }

func (b *bench) sources() []source {
	return []source{
		// 500 viewers of all frames are more than two cores can serve
		{"MJPEG file, 80 kB a frame", "file:" + b.jpeg + "#fps=30", "mjpeg?fps=2"},
		{"H.264 file, 4 Mbit/s", "file:" + b.h264 + "#fps=30", "h264"},
		{"test card", "pattern:#size=1280x720&fps=30", "mjpeg?fps=2"},
	}
}

func run(ctx context.Context, span time.Duration, only string) error {
	dir, err := os.MkdirTemp("", "bramble-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder in the system's temporary one
	fmt.Println("building ...")
	b, err := prepare(ctx, dir, span)
	if err != nil {
		return err
	}
	build := "static, with V4L2"
	if !b.withC {
		build = "without V4L2, since there is no C compiler"
	}
	fmt.Printf("agent: %s, %.1f MB; one camera of 1280x720 at 30 frames a second; 1 MB is 1,000,000 bytes\n", build,
		float64(b.agentSize)/1e6)
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"footprint", b.footprint}, {"allocations", b.allocations}, {"idle", b.idle}, {"hubs", b.hubs}, {"latency",
		b.latency}} {
		if only != "" && only != part.name {
			continue
		}
		fmt.Println()
		if err := part.run(ctx); err != nil {
			return err
		}
	}
	return nil
}
