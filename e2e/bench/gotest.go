//go:build linux

package main

import (
	"context"
	"os"
	"os/exec"
)

// outagesCommand measures what outages do to agents and hubs.
type outagesCommand struct{}

// Run implements kong's command.
func (outagesCommand) Run(ctx context.Context) error {
	return goTest(ctx, "-count=1", "-v", "-run", "TestOutages", "./e2e/outage")
}

// clusterCommand measures a cluster of NATS servers, hubs and HAProxy.
type clusterCommand struct {
	Partition string `default:"30s" placeholder:"TIME" help:"How long an agent is cut off (${default})."`
}

// Run implements kong's command.
func (c clusterCommand) Run(ctx context.Context) error {
	if err := os.Setenv("BRAMBLE_CLUSTER_PARTITION", c.Partition); err != nil {
		return err
	}
	if err := goTest(ctx, "-count=1", "-v", "-run", "TestFailures", "./e2e/cluster"); err != nil {
		return err
	}
	return goTest(ctx, "-run", "^$", "-bench", "NATS", "-benchtime", "2000x", "./e2e/cluster")
}

// packagesCommand runs the benchmarks of single packages.
type packagesCommand struct {
	Packages []string `arg:"" optional:"" name:"package" default:"./..." help:"Go packages (default: ./...)."`
}

// Run implements kong's command.
func (c packagesCommand) Run(ctx context.Context) error {
	return goTest(ctx, append([]string{"-run", "^$", "-bench", ".", "-benchmem"}, c.Packages...)...)
}

// goTest runs tests that measure something, also those that make test leaves out.
func goTest(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"test"}, args...)...) //nolint:gosec // the program under test
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), "BRAMBLE_TEST_SYSTEM=1")
	return cmd.Run()
}
