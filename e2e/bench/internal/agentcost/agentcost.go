//go:build linux

// Package agentcost measures what an agent costs the board that it runs on, and prints it beside the goals
// (docs/benchmarks/README.md).
package agentcost

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// Command is the subcommand agent.
type Command struct {
	Parts   []string `arg:"" optional:"" enum:"footprint,allocations,idle,hubs,latency" help:"${enum} (default: all)."`
	Seconds int      `default:"10" placeholder:"S" help:"How long each figure is measured (${default})."`
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

// Run implements kong's command.
func (c *Command) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "bramble-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder in the system's temporary one
	fmt.Println("building ...")
	b, err := prepare(ctx, dir, time.Duration(c.Seconds)*time.Second)
	if err != nil {
		return err
	}
	build := "static, with V4L2"
	if !b.withC {
		build = "without V4L2, because there is no C compiler"
	}
	fmt.Printf("agent: %s, %.1f MB; one camera of 1280x720 at 30 frames a second; 1 MB is 1,000,000 bytes\n", build,
		float64(b.agentSize)/1e6)
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"footprint", b.footprint}, {"allocations", b.allocations}, {"idle", b.idle}, {"hubs", b.hubs},
		{"latency", b.latency},
	} {
		if len(c.Parts) > 0 && !slices.Contains(c.Parts, part.name) {
			continue
		}
		fmt.Println()
		if err := part.run(ctx); err != nil {
			return err
		}
	}
	return nil
}
