//go:build linux

// Command bench measures the hub: what it costs to serve cameras to many viewers, how old the pictures are, and what
// happens when viewers or cameras misbehave (e2e/bench/README.md). The baseline stands beside it: the cheapest
// relay that can be written.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/e2e/bench/internal/badclients"
	"github.com/bramble-cam/bramble/e2e/bench/internal/baseline"
	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/e2e/bench/internal/scenario"
	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, progress io.Writer) (exitCode int) {
	err := program(args, out, progress)
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, context.Canceled):
		_, _ = fmt.Fprintln(progress, "bench: stopped")
		return 130
	}
	_, _ = fmt.Fprintln(progress, "bench:", err)
	return 1
}

func program(args []string, out, progress io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch strings.Join(args, " ") {
	case "baseline":
		return baseline.Run(out)
	case "camera":
		return syntheticframes.Write(ctx, out)
	}
	if len(args) == 2 && args[0] == "bad-clients" {
		return badclients.Run(ctx, args[1], out)
	}
	s, err := parse(args, progress)
	if err != nil {
		return err
	}
	if err := alone(); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: openFiles, Max: openFiles}); err != nil {
		return fmt.Errorf("%d open files are needed: ulimit -n: %w", openFiles, err)
	}
	dir, err := os.MkdirTemp("", "bramble-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder in the system's temporary one
	s.bench.Dir = dir
	if err := s.build(ctx); err != nil {
		return err
	}
	return s.measure(ctx, out)
}

// openFiles are enough for 1000 viewers, those who come and go, and all cameras.
const openFiles = 8192

// alone starts this program again on the generator's core, so that all its threads are there.
func alone() error {
	const done = "BRAMBLE_BENCH_ALONE"
	if os.Getenv(done) != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return proc.OnCore(harness.GeneratorCore,
		func() error { return unix.Exec(self, os.Args, append(os.Environ(), done+"=1")) })
}

// build makes the programs that are measured as make build does, unless they were given.
func (s *settings) build(ctx context.Context) (err error) {
	if s.bench.Self, err = os.Executable(); err != nil {
		return err
	}
	const ours = "github.com/bramble-cam/bramble/"
	programs := map[string]*string{ours + "hub/cmd/bramble-hub": &s.bench.Hub,
		ours + "agent/cmd/bramble-agent": &s.bench.Agent}
	if s.nats == external {
		programs["github.com/nats-io/nats-server/v2"] = &s.bench.Broker
	}
	for pkg, file := range programs {
		if *file != "" {
			continue
		}
		_, _ = fmt.Fprintln(s.bench.Log, "building", pkg)
		*file = filepath.Join(s.bench.Dir, strings.ReplaceAll(pkg, "/", "-"))
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", *file, pkg)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	return nil
}

// measure runs the scenarios. Those that were measured are written even if a later one fails.
func (s *settings) measure(ctx context.Context, out io.Writer) (err error) {
	var tables []*report.Table
	defer func() { err = errors.Join(err, s.write(tables)) }()
	for _, sc := range scenario.All() {
		if len(s.only) > 0 && !slices.Contains(s.only, sc.Name) {
			continue
		}
		began := time.Now()
		t, err := sc.Run(&s.bench, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", sc.Name, err)
		}
		t.Scenario, t.About = sc.Name, sc.About
		tables = append(tables, t)
		if err := t.Print(out); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(s.bench.Log, "%s took %v\n", sc.Name, time.Since(began).Round(time.Second))
	}
	return nil
}

// write puts the tables into the files that were asked for.
func (s *settings) write(tables []*report.Table) error {
	if s.json != "" {
		data, err := json.MarshalIndent(tables, "", "  ")
		if err == nil {
			err = os.WriteFile(s.json, append(data, '\n'), 0o600)
		}
		if err != nil {
			return err
		}
	}
	if s.markdown == "" {
		return nil
	}
	var b strings.Builder
	for _, t := range tables {
		if err := t.Print(&b); err != nil {
			return err
		}
	}
	return os.WriteFile(s.markdown, []byte(b.String()), 0o600)
}
