//go:build linux

// Command bench measures hubs, agents and renditions on one machine. See e2e/bench/README.md for the method.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/e2e/bench/internal/agentcost"
	"github.com/bramble-cam/bramble/e2e/bench/internal/renditions"
	"github.com/bramble-cam/bramble/e2e/bench/internal/scenario"
)

const description = `Measure hubs, agents and renditions on this machine. See e2e/bench/README.md for the method.

Examples:

  make bench                                       the hub: all scenarios, about half an hour
  make bench ARGS="--quick"                        the hub, short runs: about 6 minutes
  make bench ARGS="fanout --viewers 100"           one scenario of the hub
  make bench ARGS="join slow --json out.json"      two scenarios, and the figures of each run for a program
  make bench ARGS="bad-clients --bad-clients storm"
  make bench ARGS="fanout --nats external"         the hub with NATS in a process of its own
  make bench ARGS="--hub ./bramble-hub-old"        another hub
  make bench ARGS="agent"                          an agent, about 9 minutes
  make bench ARGS="agent latency --seconds 5"      one part of it
  make bench ARGS="transcode"                      renditions, about 3 minutes; needs ffmpeg
  make bench ARGS="outages"                        an agent and a hub in outages, about 2 minutes
  make bench ARGS="cluster"                        NATS servers and hubs that die, about 2 minutes; needs haproxy
  make bench ARGS="packages ./hub/..."             the Go benchmarks of packages`

// commands are the subcommands. A command line without one is for hub.
type commands struct {
	Hub       hubCommand         `cmd:"" default:"withargs" help:"Measure a hub beside the baseline."`
	Agent     agentcost.Command  `cmd:"" help:"Measure what an agent costs its machine."`
	Transcode renditions.Command `cmd:"" help:"Measure what renditions cost, and how soon they show a picture."`
	Outages   outagesCommand     `cmd:"" help:"Measure what outages do to agents and hubs."`
	Cluster   clusterCommand     `cmd:"" help:"Let NATS servers and hubs die under 200 viewers; needs haproxy."`
	Packages  packagesCommand    `cmd:"" help:"Run the Go benchmarks of packages."`
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) (exitCode int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := program(ctx, args)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		_, _ = fmt.Fprintln(os.Stderr, "bench: stopped")
		return 130
	}
	_, _ = fmt.Fprintln(os.Stderr, "bench:", err)
	return 1
}

func program(ctx context.Context, args []string) error {
	if part := scenario.Part(args); part != nil {
		return part(ctx, os.Stdout)
	}
	parser, err := kong.New(&commands{}, kong.Name("bench"), kong.Description(description),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return fmt.Errorf("%w; --help lists commands and flags", err)
	}
	return parsed.Run()
}
