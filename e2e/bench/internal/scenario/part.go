//go:build linux

package scenario

import (
	"context"
	"io"
	"strings"

	"github.com/bramble-cam/bramble/e2e/bench/internal/badclients"
	"github.com/bramble-cam/bramble/e2e/bench/internal/baseline"
	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
)

// Part returns what a process of its own does that the benchmark started with these arguments: the baseline, an exec:
// camera or bad clients. It returns nil for other arguments. Config.Self is a program that runs it.
func Part(args []string) func(context.Context, io.Writer) error {
	switch strings.Join(args, " ") {
	case "baseline":
		return func(_ context.Context, out io.Writer) error { return baseline.Run(out) }
	case "camera":
		return syntheticframes.Write
	}
	if len(args) == 2 && args[0] == misbehave {
		return func(ctx context.Context, out io.Writer) error { return badclients.Run(ctx, args[1], out) }
	}
	return nil
}

// misbehave is the first argument of a process that runs bad clients. The second one is what they do.
const misbehave = "misbehave"
