//go:build linux

package main

import (
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/scenario"
)

// settings are the command line's.
type settings struct {
	bench    scenario.Bench
	only     []string
	nats     string // where the hub's NATS server is
	json     string // file
	markdown string // file
}

// Where the hub's NATS server is.
const (
	embedded = "embedded"
	external = "external" // in a process of its own
)

const usage = `Measure the hub beside the baseline, the cheapest relay that can be written, and if you like beside any other server. e2e/bench/README.md tells how to read it.

Examples:

  make bench                                            everything, about half an hour
  make bench ARGS="--quick"                             everything with short runs, about 6 minutes
  make bench ARGS="--only fanout --viewers 100"         a part
  make bench ARGS="--only join,slow --json out.json"    the figures of each run for a program
  make bench ARGS="--only bad-clients --bad-clients storm"  how good viewers fare beside bad clients of one kind (e2e/bench/README.md)
  make bench ARGS="--hub ./bramble-hub-old"             another hub
  make bench ARGS="--only fanout --nats external"       the hub without its NATS server, which is a process of its own
  make bench ARGS="--peer-cmd 'relay -c relay.yaml' --peer-url 'http://127.0.0.1:PORT/%s' --peer-camera 127.0.0.1:PORT"

Scenarios:

`

func parse(args []string, out io.Writer) (*settings, error) {
	s := &settings{}
	b := &s.bench
	b.Log = out
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(out)
	f.Usage = func() {
		_, _ = io.WriteString(out, usage) // there is no other place to report it
		for _, sc := range scenario.All() {
			_, _ = fmt.Fprintf(out, "  %-11s %s\n", sc.Name, sc.About)
		}
		_, _ = fmt.Fprint(out, "\nFlags:\n\n")
		f.PrintDefaults()
	}
	only := f.String("only", "", "scenarios to run, joined by commas (default all)")
	kinds := f.String("kinds", "mjpeg,mp4",
		"streams that fanout and bad-clients measure: mjpeg, mp4, h264, and ws, JPEG over WebSockets, beside MJPEG of the others")
	viewers := f.String("viewers", "10,100,300,1000", "numbers of viewers that fanout measures")
	badClients := f.String("bad-clients", "", "bad clients that the scenario bad-clients has, joined by commas: "+
		strings.Join(scenario.BadClientNames(), ", ")+" (default all)")
	seconds := f.Float64("seconds", 5, "length of a run")
	f.IntVar(&b.Runs, "runs", 3,
		"runs of each server in turns; the median counts. Unless given, 1 or 2 in other scenarios than fanout")
	f.IntVar(&b.Repeats, "repeats", 2,
		"rounds that are run again at most, if the machine had other work meanwhile; with --quick 1, unless given")
	f.BoolVar(&b.Quick, "quick", false, "one short run of everything")
	f.StringVar(&b.Hub, "hub", "", "the bramble-hub to measure (default: built from this source)")
	f.StringVar(&b.Agent, "agent", "", "the bramble-agent to measure (default: built from this source)")
	f.StringVar(&s.nats, "nats", embedded,
		"the hub's NATS server: embedded, or external, a process of its own (the nats-server of go.mod), which fanout shows in columns of its own")
	f.StringVar(&b.PeerCmd, "peer-cmd", "", "command that starts another server to measure beside, as its first process")
	f.StringVar(&b.PeerURL, "peer-url", "", "that server's stream; %s stands for the kind: mjpeg or mp4")
	f.StringVar(&b.PeerShot, "peer-snapshot-url", "", "that server's newest picture (default: not measured)")
	f.StringVar(&b.PeerPull, "peer-camera", "",
		"address at which the benchmark serves the camera to that server: /cam.mjpeg, and raw Annex B at /cam.h264")
	f.StringVar(&s.json, "json", "", "write the figures of each run to this `file`")
	f.StringVar(&s.markdown, "markdown", "", "write the tables to this `file`")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("%q is no flag: see --help", f.Arg(0))
	}
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if b.Each = 1; given["runs"] {
		b.Each = b.Runs
	}
	if b.Settle = 1500 * time.Millisecond; b.Quick {
		shorten(b, given, seconds, viewers)
	}
	b.Span = time.Duration(*seconds * float64(time.Second))
	if *badClients != "" {
		b.BadClients = strings.Split(*badClients, ",")
	}
	return s, s.check(*only, *kinds, *viewers)
}

// shorten makes runs of --quick short, where the command line does not say how long.
func shorten(b *scenario.Bench, given map[string]bool, seconds *float64, viewers *string) {
	b.Settle = 700 * time.Millisecond
	if !given["repeats"] {
		b.Repeats = 1
	}
	if !given["seconds"] {
		*seconds = 2
	}
	if !given["runs"] {
		b.Runs = 1
	}
	if !given["viewers"] {
		*viewers = "10,300"
	}
}

func (s *settings) check(only, kinds, viewers string) error {
	b := &s.bench
	if b.Span < 500*time.Millisecond || b.Span > 10*time.Minute || b.Runs < 1 || b.Runs > 100 || b.Repeats < 0 {
		return fmt.Errorf(
			"--seconds %v, --runs %d, --repeats %d: 0.5 to 600 seconds, 1 to 100 runs and 0 repeats or more are allowed",
			b.Span.Seconds(), b.Runs, b.Repeats)
	}
	var names []string
	for _, sc := range scenario.All() {
		names = append(names, sc.Name)
	}
	if only != "" {
		s.only = strings.Split(only, ",")
	}
	for _, name := range s.only {
		if !slices.Contains(names, name) {
			return fmt.Errorf("--only %s: there are %s", name, strings.Join(names, ", "))
		}
	}
	for _, name := range b.BadClients {
		if !slices.Contains(scenario.BadClientNames(), name) {
			return fmt.Errorf("--bad-clients %s: there are %s", name, strings.Join(scenario.BadClientNames(), ", "))
		}
	}
	b.Kinds = strings.Split(kinds, ",")
	for _, k := range b.Kinds {
		if !slices.Contains([]string{"mjpeg", "mp4", "h264", "ws"}, k) {
			return fmt.Errorf("--kinds %s: there are mjpeg, mp4, h264 and ws", k)
		}
	}
	for v := range strings.SplitSeq(viewers, ",") {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 3000 {
			return fmt.Errorf("--viewers %s: write numbers from 1 to 3000, joined by commas", viewers)
		}
		b.Viewers = append(b.Viewers, n)
	}
	if s.nats != embedded && s.nats != external {
		return fmt.Errorf("--nats %s: there are %s and %s", s.nats, embedded, external)
	}
	if peer := []string{b.PeerCmd, b.PeerURL, b.PeerPull}; slices.Contains(peer, "") && strings.Join(peer, "") != "" {
		return fmt.Errorf("a peer needs all of --peer-cmd, --peer-url and --peer-camera")
	}
	return nil
}
