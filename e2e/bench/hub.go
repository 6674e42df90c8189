//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/e2e/bench/internal/scenario"
	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// hubCommand measures a hub. A zero means that the command line does not say.
type hubCommand struct {
	Scenarios []string `arg:"" optional:"" name:"scenario" help:"What to measure (default: all)."`

	Kinds      []string `default:"mjpeg,mp4" enum:"mjpeg,mp4,h264,ws" help:"Streams: ${enum} (${default}); ws is JPEG."`
	Viewers    []int    `placeholder:"N" help:"Numbers of viewers in fanout (default: 10,100,300,1000)."`
	BadClients []string `placeholder:"KIND" help:"Kinds of bad clients in bad-clients (default: all)."`

	Seconds float64 `placeholder:"S" help:"Length of a run (default: 5)."`
	Runs    int     `placeholder:"N" help:"Runs of each server; the median counts (default: 3 in fanout, else 1)."`
	Repeats *int    `placeholder:"N" help:"How often a noisy round is run again at most (default: 2)."`
	Quick   bool    `help:"One short run of everything."`

	Hub   string `placeholder:"FILE" help:"The bramble-hub to measure (default: built from this source)."`
	Agent string `placeholder:"FILE" help:"The bramble-agent to measure (default: built from this source)."`
	NATS  string `name:"nats" default:"embedded" enum:"embedded,external" help:"NATS server: ${enum} (${default})."`

	PeerCmd         string `placeholder:"COMMAND" help:"Starts another server to measure beside the hub."`
	PeerURL         string `name:"peer-url" placeholder:"URL" help:"That server's stream; %s stands for mjpeg or mp4."`
	PeerSnapshotURL string `name:"peer-snapshot-url" placeholder:"URL" help:"That server's newest picture."`
	PeerCamera      string `placeholder:"HOST:PORT" help:"Serves that server /cam.mjpeg and /cam.h264."`

	JSON     string `name:"json" placeholder:"FILE" help:"Write the figures of each run to this file."`
	Markdown string `placeholder:"FILE" help:"Write the tables to this file."`
}

// Help lists the scenarios.
func (c *hubCommand) Help() string {
	var b strings.Builder
	b.WriteString("Scenarios:\n\n")
	for _, s := range scenario.All() {
		_, _ = fmt.Fprintf(&b, "  %-12s %s\n", s.Name, s.About)
	}
	_, _ = fmt.Fprintf(&b, "\nBad clients: %s.\n", strings.Join(scenario.BadClientNames(), ", "))
	return b.String()
}

// Run implements kong's command.
func (c *hubCommand) Run(ctx context.Context) error {
	b, err := c.bench()
	if err != nil {
		return err
	}
	if err := alone(); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: openFiles, Max: openFiles}); err != nil {
		return fmt.Errorf("%d open files are needed: ulimit -n: %w", openFiles, err)
	}
	if b.Dir, err = os.MkdirTemp("", "bramble-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.Dir) }() // a folder in the system's temporary one
	if err := c.build(ctx, b); err != nil {
		return err
	}
	return c.measure(ctx, b)
}

// bench checks the settings, and fills in what the command line leaves out.
func (c *hubCommand) bench() (*scenario.Bench, error) {
	b := &scenario.Bench{
		Config: harness.Config{Hub: c.Hub, Agent: c.Agent, PeerCmd: c.PeerCmd, PeerURL: c.PeerURL,
			PeerShot: c.PeerSnapshotURL, PeerPull: c.PeerCamera},
		Kinds: c.Kinds, Viewers: []int{10, 100, 300, 1000}, BadClients: c.BadClients, Span: 5 * time.Second, Runs: 3,
		Each: 1, Settle: 1500 * time.Millisecond, Repeats: 2, Quick: c.Quick, Log: os.Stderr,
	}
	if c.Quick {
		b.Viewers, b.Span, b.Runs, b.Settle, b.Repeats = []int{10, 300}, 2*time.Second, 1, 700*time.Millisecond, 1
	}
	if c.Viewers != nil {
		b.Viewers = c.Viewers
	}
	if c.Seconds != 0 {
		b.Span = time.Duration(c.Seconds * float64(time.Second))
	}
	if c.Runs != 0 {
		b.Runs, b.Each = c.Runs, c.Runs
	}
	if c.Repeats != nil {
		b.Repeats = *c.Repeats
	}
	return b, c.check(b)
}

func (c *hubCommand) check(b *scenario.Bench) error {
	if b.Span < 500*time.Millisecond || b.Span > 10*time.Minute || b.Runs < 1 || b.Runs > 100 || b.Repeats < 0 {
		return errors.New("--seconds must be 0.5 to 600, --runs 1 to 100, and --repeats at least 0")
	}
	var names []string
	for _, s := range scenario.All() {
		names = append(names, s.Name)
	}
	for _, name := range c.Scenarios {
		if !slices.Contains(names, name) {
			return fmt.Errorf("unknown scenario %q: use %s", name, strings.Join(names, ", "))
		}
	}
	for _, name := range b.BadClients {
		if !slices.Contains(scenario.BadClientNames(), name) {
			return fmt.Errorf("--bad-clients %q: use %s", name, strings.Join(scenario.BadClientNames(), ", "))
		}
	}
	if slices.Min(b.Viewers) < 1 || slices.Max(b.Viewers) > 3000 {
		return errors.New("--viewers must be 1 to 3000")
	}
	if peer := []string{b.PeerCmd, b.PeerURL, b.PeerPull}; slices.Contains(peer, "") && strings.Join(peer, "") != "" {
		return errors.New("another server needs all of --peer-cmd, --peer-url and --peer-camera")
	}
	return nil
}

// openFiles are enough for 1000 viewers, those that come and go, and all cameras.
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

// build makes the programs that the command line does not give.
func (c *hubCommand) build(ctx context.Context, b *scenario.Bench) (err error) {
	if b.Self, err = os.Executable(); err != nil {
		return err
	}
	programs := map[string]*string{proc.HubPackage: &b.Hub, proc.AgentPackage: &b.Agent}
	if c.NATS == "external" {
		programs[proc.NATSPackage] = &b.Broker
	}
	for pkg, file := range programs {
		if *file != "" {
			continue
		}
		_, _ = fmt.Fprintln(b.Log, "building", pkg)
		*file = filepath.Join(b.Dir, filepath.Base(pkg))
		if err := proc.Build(ctx, *file, pkg); err != nil {
			return err
		}
	}
	return nil
}

// measure runs the scenarios. It writes what was measured even if a later scenario fails.
func (c *hubCommand) measure(ctx context.Context, b *scenario.Bench) (err error) {
	var tables []*report.Table
	defer func() { err = errors.Join(err, c.write(tables)) }()
	for _, s := range scenario.All() {
		if len(c.Scenarios) > 0 && !slices.Contains(c.Scenarios, s.Name) {
			continue
		}
		began := time.Now()
		t, err := s.Run(b, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		t.Scenario, t.About = s.Name, s.About
		tables = append(tables, t)
		if err := t.Print(os.Stdout); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(b.Log, "%s took %v\n", s.Name, time.Since(began).Round(time.Second))
	}
	return nil
}

// write puts the tables into the files that the command line names.
func (c *hubCommand) write(tables []*report.Table) error {
	if c.JSON != "" {
		data, err := json.MarshalIndent(tables, "", "  ")
		if err == nil {
			err = os.WriteFile(c.JSON, append(data, '\n'), 0o600)
		}
		if err != nil {
			return err
		}
	}
	if c.Markdown == "" {
		return nil
	}
	var b strings.Builder
	for _, t := range tables {
		if err := t.Print(&b); err != nil {
			return err
		}
	}
	return os.WriteFile(c.Markdown, []byte(b.String()), 0o600)
}
