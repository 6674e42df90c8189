//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// The sender has one core to itself, the viewers have the other one.
const (
	senderCore   = 0
	audienceCore = 1
)

// settings are the command line's.
type settings struct {
	ways    []string
	sizes   []int
	viewers []int
	lowats  []int
	slow    int
	nagle   bool
	fps     float64
	volume  float64 // bytes per second that the viewers may get together
	seconds float64
	warm    float64
	runs    int
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "sender" {
		exit(runSender(os.Args[2:]))
	}
	s, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = alone()
	}
	if err == nil {
		err = openFiles()
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
		_, _ = fmt.Fprintln(os.Stderr, "bench-send:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func parse(args []string) (settings, error) {
	var s settings
	f := flag.NewFlagSet("bench-send", flag.ContinueOnError)
	var names []string
	for _, w := range ways() {
		names = append(names, w.name)
	}
	f.Usage = func() {
		_, _ = fmt.Fprintln(f.Output(), "bench-send compares ways of sending one shared frame to many TCP viewers on loopback. The first way is what the others are compared with.")
		for _, w := range ways() {
			_, _ = fmt.Fprintf(f.Output(), "  %-14s %s\n", w.name, w.about)
		}
		f.PrintDefaults()
	}
	chosen := f.String("ways", strings.Join(names, ","), "ways to measure")
	sizes := f.String("sizes", "10240,86016,1048576", "bytes of a frame")
	viewers := f.String("viewers", "10,100,300,1000", "numbers of viewers")
	lowats := f.String("lowat", "0", "values of TCP_NOTSENT_LOWAT in bytes; 0 is the kernel's")
	f.IntVar(&s.slow, "slow", 0, "how many viewers read at half speed")
	f.BoolVar(&s.nagle, "nagle", false, "without TCP_NODELAY")
	f.Float64Var(&s.fps, "fps", 25, "frames per second")
	f.Float64Var(&s.volume, "volume", 2.2e9, "bytes per second to all viewers; where that is too little for --fps there are fewer frames")
	f.Float64Var(&s.seconds, "seconds", 1, "length of a run")
	f.Float64Var(&s.warm, "warm", 0.5, "seconds before that, until the buffers have found their size")
	f.IntVar(&s.runs, "runs", 3, "runs of each; the median counts")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if s.runs < 1 || s.slow < 0 || s.fps <= 0 || s.volume <= 0 || s.seconds <= 0 || s.warm < 0 {
		return s, errors.New("--runs, --fps, --volume and --seconds are above 0, --slow and --warm are not below it")
	}
	for _, name := range strings.Split(*chosen, ",") {
		if !slices.Contains(names, name) {
			return s, fmt.Errorf("--ways %s: there are %s", name, strings.Join(names, ", "))
		}
		s.ways = append(s.ways, name)
	}
	for _, l := range []struct {
		flag, text string
		min        int
		into       *[]int
	}{{"sizes", *sizes, 1, &s.sizes}, {"viewers", *viewers, 1, &s.viewers}, {"lowat", *lowats, 0, &s.lowats}} {
		for _, text := range strings.Split(l.text, ",") {
			n, err := strconv.Atoi(text)
			if err != nil || n < l.min {
				return s, fmt.Errorf("--%s %s: write numbers joined by commas", l.flag, l.text)
			}
			*l.into = append(*l.into, n)
		}
	}
	return s, nil
}

// alone starts this program anew on the audience's core, so that all its threads are there.
func alone() error {
	const done = "BRAMBLE_BENCH_ALONE"
	if os.Getenv(done) != "" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return proc.Pinned(audienceCore, func() error { return unix.Exec(self, os.Args, append(os.Environ(), done+"=1")) })
}

func run(ctx context.Context, s settings) error {
	fmt.Printf("An empty system call costs %d ns here.\n\n", emptyCall().Nanoseconds())
	printHead(os.Stdout)
	for _, size := range s.sizes {
		for _, viewers := range s.viewers {
			for _, lowat := range s.lowats {
				if err := s.compare(ctx, job{Size: size, Viewers: viewers, Lowat: lowat, Nagle: s.nagle}); err != nil {
					return fmt.Errorf("%d bytes, %d viewers: %w", size, viewers, err)
				}
			}
		}
	}
	return nil
}

// compare takes the median of several runs of each way, in turns, each time beginning with another one, so that a noisy minute hits them all. The
// ratio is that of one turn.
func (s settings) compare(ctx context.Context, j job) error {
	j.FPS = min(s.fps, s.volume/float64(unitSize(j.Size)*j.Viewers))
	all := map[string][]figures{}
	for turn := range s.runs {
		for i := range s.ways {
			j.Way = s.ways[(i+turn)%len(s.ways)]
			f, err := s.once(ctx, j)
			if err != nil {
				return fmt.Errorf("%s: %w", j.Way, err)
			}
			all[j.Way] = append(all[j.Way], f)
		}
	}
	first := all[s.ways[0]]
	for _, name := range s.ways {
		j.Way = name
		list := all[name]
		for turn := range list {
			list[turn].Ratio = share(list[turn].CPU, first[turn].CPU)
		}
		median(list).print(os.Stdout, j)
	}
	return nil
}

// once is one run of one sender.
func (s settings) once(ctx context.Context, j job) (figures, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	p, err := startSender(j)
	if err != nil {
		return figures{}, err
	}
	defer p.Kill()
	if err := p.WaitSaid(ctx, "\n"); err != nil {
		return figures{}, err
	}
	var port int
	if _, err := fmt.Sscanf(p.Said(), "port %d", &port); err != nil {
		return figures{}, fmt.Errorf("%w: %s", err, p.Said())
	}
	a, err := newAudience(port, j, min(s.slow, j.Viewers))
	if err != nil {
		return figures{}, err
	}
	defer a.close()
	if err := a.watch(ctx, time.Duration(max(s.warm, 3/j.FPS)*float64(time.Second))); err != nil {
		return figures{}, fmt.Errorf("%w: %s", err, p.Said())
	}
	before, err := use(p.PID())
	if err != nil {
		return figures{}, err
	}
	a.tally.count = true
	began := time.Now()
	if err := a.watch(ctx, time.Duration(max(s.seconds, 4/j.FPS)*float64(time.Second))); err != nil {
		return figures{}, fmt.Errorf("%w: %s", err, p.Said())
	}
	took := time.Since(began)
	after, err := use(p.PID())
	if err != nil {
		return figures{}, err
	}
	if len(a.tally.late)+len(a.tally.slow) == 0 {
		return figures{}, fmt.Errorf("no frame has arrived in %v; try longer --seconds: %s", took, p.Said())
	}
	return ended(ctx, p, newFigures(j, a, before, after, took))
}

func startSender(j job) (p *proc.Process, err error) {
	text, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	err = proc.Pinned(senderCore, func() error {
		p, err = proc.Start(nil, self, "sender", "--job", string(text))
		return err
	})
	return p, err
}

// ended ends the sender and adds what it counted.
func ended(ctx context.Context, p *proc.Process, f figures) (figures, error) {
	if err := p.Signal(os.Interrupt); err != nil {
		return f, err
	}
	if err := p.WaitSaid(ctx, "}."); err != nil {
		return f, err
	}
	_, text, _ := strings.Cut(p.Said(), "counted ")
	var c map[string]int
	if err := json.Unmarshal([]byte(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "."))), &c); err != nil {
		return f, err
	}
	f.count(c)
	return f, nil
}
