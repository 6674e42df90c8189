//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The server has one core to itself; camera and viewers share the other one.
const (
	serverCore    = 0
	generatorCore = 1
)

// settings are the command line's.
type settings struct {
	kinds   []string
	viewers []int
	seconds int
	runs    int
	peer    string // URL of another server's stream, with %s for the kind
	peerPID int
	hub     string // program
	json    string // file
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "floor" {
		exit(runFloor())
	}
	s, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = alone()
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err = run(ctx, s)
		stop()
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "bench-fanout:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func parse(args []string) (settings, error) {
	var s settings
	f := flag.NewFlagSet("bench-fanout", flag.ContinueOnError)
	kinds := f.String("kinds", "mjpeg,mp4", "streams to measure: mjpeg, mp4, h264")
	viewers := f.String("viewers", "10,100,300,1000", "numbers of viewers")
	f.IntVar(&s.seconds, "seconds", 8, "length of a run")
	f.IntVar(&s.runs, "runs", 3, "runs of each; the median counts")
	f.StringVar(&s.peer, "peer-url", "", "another server's stream to measure beside; %s stands for the kind")
	f.IntVar(&s.peerPID, "peer-pid", 0, "process of that server")
	f.StringVar(&s.hub, "hub", "", "the bramble-hub to measure; built from this source if not given")
	f.StringVar(&s.json, "json", "", "write the figures to this file too")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	s.kinds = strings.Split(*kinds, ",")
	for _, v := range strings.Split(*viewers, ",") {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return s, fmt.Errorf("--viewers %s: write numbers joined by commas", *viewers)
		}
		s.viewers = append(s.viewers, n)
	}
	return s, nil
}

// alone starts this program anew on the generator's core, so that all its threads are there.
func alone() error {
	const done = "BRAMBLE_BENCH_ALONE"
	if os.Getenv(done) != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return pinned(generatorCore, func() error { return unix.Exec(self, os.Args, append(os.Environ(), done+"=1")) })
}

func run(ctx context.Context, s settings) error {
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 8192, Max: 8192}); err != nil {
		return fmt.Errorf("open files: %w", err)
	}
	dir, err := os.MkdirTemp("", "bramble-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if s.hub == "" {
		s.hub = filepath.Join(dir, "bramble-hub")
		if out, err := exec.CommandContext(ctx, "go", "build", "-o", s.hub, "./hub/cmd/bramble-hub").CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	var rows []row
	for _, kind := range s.kinds {
		for _, n := range s.viewers {
			r, err := measure(ctx, s, kind, n)
			if err != nil {
				return fmt.Errorf("%s, %d viewers: %w", kind, n, err)
			}
			if len(rows) == 0 {
				printHead(os.Stdout, s.peer != "")
			}
			rows = append(rows, r)
			r.print(os.Stdout)
		}
	}
	if s.json == "" {
		return nil
	}
	data, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.json, append(data, '\n'), 0o600)
}

// measure takes the median of several runs of each server, in turns, so that a noisy minute hits them all.
func measure(ctx context.Context, s settings, kind string, viewers int) (row, error) {
	r := row{Kind: kind, Viewers: viewers, Figures: map[string]figures{}}
	all := map[string][]figures{}
	for range s.runs {
		for _, t := range targets(s) {
			f, err := once(ctx, s, t, kind, viewers)
			if err != nil {
				return r, fmt.Errorf("%s: %w", t.name, err)
			}
			all[t.name] = append(all[t.name], f)
		}
	}
	for name, list := range all {
		r.Figures[name] = median(list)
	}
	return r, nil
}

// once is one run of one server.
func once(ctx context.Context, s settings, t target, kind string, viewers int) (figures, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	u, err := t.start(ctx, s, kind)
	if err != nil {
		return figures{}, err
	}
	defer u.stop()
	a := newAudience()
	ended := make(chan error, viewers)
	for range viewers {
		go func() { ended <- a.watch(ctx, u.url, kind) }()
	}
	defer func() { // before the server is stopped
		cancel()
		for range viewers {
			<-ended
		}
	}()
	if err := pause(ctx, ended, 2*time.Second); err != nil { // until all are connected and the buffers have found their size
		return figures{}, err
	}
	before, err := use(u.pid)
	if err != nil {
		return figures{}, err
	}
	began := time.Now()
	a.begin()
	if err := pause(ctx, ended, time.Duration(s.seconds)*time.Second); err != nil {
		return figures{}, err
	}
	after, err := use(u.pid)
	if err != nil {
		return figures{}, err
	}
	return newFigures(a.end(), before, after, viewers, time.Since(began)), nil
}

// pause waits; a viewer that ends meanwhile is an error.
func pause(ctx context.Context, ended chan error, d time.Duration) error {
	select {
	case err := <-ended:
		ended <- err
		return fmt.Errorf("a viewer was shut out: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
