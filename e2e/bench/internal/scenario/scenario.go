//go:build linux

// Package scenario holds what is measured: one scenario for each promise that concerns the hub.
package scenario

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// Bench is what all scenarios share.
type Bench struct {
	harness.Config
	Kinds      []string      // of streams, for fanout
	Viewers    []int         // for fanout
	BadClients []string      // of bad clients, for clients; none means all
	Span       time.Duration // length of a run
	Runs       int           // of each server in turns, in fanout; the median counts
	Each       int           // the same in other scenarios
	// how long viewers watch before they are counted: until all are connected and the buffers have found their size
	Settle  time.Duration
	Repeats int       // rounds that are run again at most, if they were noisy
	Quick   bool      // shorter and fewer runs
	Dir     string    // for files
	Log     io.Writer // progress

	picture *syntheticframes.Clip // of 1280x720, made once
}

// Scenario is one thing to measure.
type Scenario struct {
	Name, About string
	Run         func(*Bench, context.Context) (*report.Table, error)
}

// All returns the scenarios in the order in which they run.
func All() []Scenario {
	return []Scenario{
		{"fanout", "One camera of 1280x720 at 25 frames a second, 84 kB JPEGs or 2 Mbit/s H.264, and more and more viewers.",
			(*Bench).fanout},
		{"latency", "From the camera to one viewer; the baseline reads the camera directly, the hub over NATS.",
			(*Bench).latency},
		{"join", "Viewers that join half a second after a key frame; the next one follows 3.5 s later. When do they have a " +
			"picture, and how far behind the camera do they play?", (*Bench).join},
		{"first-part", "Viewers that join a running MJPEG camera: when they have a picture.", (*Bench).firstPart},
		{"snapshot", "Single pictures of a running camera, and what is answered when it is dead.", (*Bench).snapshot},
		{"cold", "The first viewer of an idle camera; a real agent plays it from a file.", (*Bench).cold},
		{"start", "From the start of the process, bramble-hub demo, to the first picture in hand.", (*Bench).start},
		{"slow", "Viewers that read half of what the camera sends: how old the frames are when they have been read.",
			(*Bench).slow},
		{"stalled", "200 viewers that never read, beside 20 good ones.", (*Bench).stalled},
		{"storm", "200 viewers that never read, 50 at half speed and 300 a second that come and go, beside 100 good ones.",
			(*Bench).storm},
		{"outage", "The camera is silent for three seconds: which viewers stay, and how long they see nothing new.",
			(*Bench).outage},
		{"bad-clients", "20 good viewers before bad clients of the hub connect, while they are connected, and afterwards.",
			(*Bench).badClients},
		{"cameras", "50 cameras with 4 viewers each, half of them JPEG and half H.264. One camera of each format with 200 " +
			"viewers is the comparison.", (*Bench).cameras},
		{"mixed", "A camera of 320x240 with 10 viewers, alone and beside one of 1 MB pictures with 10 viewers.",
			(*Bench).mixed},
		{"idle", "50 cameras of a real agent, without viewers.", (*Bench).idle},
	}
}

// logf reports progress.
func (b *Bench) logf(format string, args ...any) { _, _ = fmt.Fprintf(b.Log, format+"\n", args...) } // to a terminal

// jpeg returns a clip of usual pictures.
func (b *Bench) jpeg() (*syntheticframes.Clip, error) {
	var err error
	if b.picture == nil {
		b.picture, err = syntheticframes.Pictures(1280, 720, syntheticframes.JPEGSize, 8)
	}
	return b.picture, err
}

// camera returns a camera named bench that delivers what a stream of this kind needs, with a key frame each second.
func (b *Bench) camera(kind string) (*harness.Camera, error) { return b.named("bench", kind) }

func (b *Bench) named(name, kind string) (*harness.Camera, error) {
	if kind != "mp4" && kind != "h264" {
		f, err := b.jpeg()
		return &harness.Camera{Name: name, Clip: f}, err
	}
	return &harness.Camera{Name: name, Clip: syntheticframes.GOP(syntheticframes.AUSize, syntheticframes.FPS)}, nil
}

// serve starts a server with a camera named bench.
func (b *Bench) serve(ctx context.Context, server, kind string) (*harness.Server, *harness.Camera, error) {
	cam, err := b.camera(kind)
	if err != nil {
		return nil, nil, err
	}
	s, err := b.Start(ctx, server, cam)
	return s, cam, err
}

// servers returns those that can serve a kind of stream from one camera.
func (b *Bench) servers(kind string) []string {
	list := []string{harness.Baseline, harness.Bramble}
	if b.hasPeer(kind) {
		list = append(list, harness.Peer)
	}
	return list
}

func (b *Bench) hasPeer(kind string) bool {
	return b.PeerURL != "" && kind != "h264" && (kind != "jpeg" || b.PeerShot != "")
}

// singleRun is one run of one server: its figures, and how noisy the machine was.
type singleRun func(ctx context.Context, server string) (report.Run, harness.Noise, error)

// alternate lets the servers run in turns, so that a noisy minute hits them all, and puts a case into the table. A loud
// round is repeated.
func (b *Bench) alternate(
	ctx context.Context, t *report.Table, name string, servers []string, runs int, goals map[string]report.Goal,
	run singleRun,
) error {
	var rounds []report.Round
	loud := 0
	for n := 0; n < runs+min(loud, b.Repeats); n++ {
		round := report.Round{Runs: map[string]report.Run{}}
		for _, server := range servers {
			b.logf("%s: %s, %s, run %d", t.Scenario, name, server, n+1)
			r, noise, err := run(ctx, server)
			if err != nil {
				return fmt.Errorf("%s, %s: %w", name, server, err)
			}
			round.Runs[server] = r
			round.Stolen, round.Foreign = max(round.Stolen, noise.Stolen), max(round.Foreign, noise.Foreign)
		}
		if round.Noisy() {
			loud++
			b.logf("%s: noise: %.0f %% of a core stolen, %.0f %% used by others", t.Scenario, 100*round.Stolen,
				100*round.Foreign)
		}
		rounds = append(rounds, round)
	}
	quiet, noisy := report.DiscardNoisy(rounds)
	c := report.Case{Name: name, Goals: goals}
	for _, server := range servers {
		row := report.Row{Server: server, Noisy: noisy, Discarded: len(rounds) - len(quiet)}
		for _, r := range quiet {
			row.Runs = append(row.Runs, r.Runs[server])
		}
		c.Rows = append(c.Rows, row)
	}
	t.Cases = append(t.Cases, c)
	return nil
}

// Names of columns.
const (
	rss    = "RSS MB"
	anon   = "of it anonymous MB"
	allocs = "allocs/frame"
	p50    = "p50 ms"
	p99    = "p99 ms"

	brokerCPU = "NATS server CPU µs/frame"
	brokerRSS = "NATS server RSS MB"
)

// figures are those of a run in which a generator should have seen wanted frames.
func figures(u harness.Usage, c loadgen.Counts, wanted float64) report.Run {
	n := float64(c.Frames)
	r := report.Run{
		report.CPU: float64(u.CPU) / 1000 / n, rss: mb(u.RSS), anon: mb(u.Anon), allocs: u.Allocs / n, p50: c.Age(0.5),
		p99: c.Age(0.99), report.Arrived: 100 * n / wanted,
		brokerCPU: u.Broker.CPU / 1000 / n, brokerRSS: u.Broker.RSS / (1 << 20),
	}
	if c.Frames == 0 {
		r[report.CPU], r[allocs], r[brokerCPU] = math.NaN(), math.NaN(), math.NaN()
	}
	return r
}

func mb(n int64) float64 { return float64(n) / (1 << 20) }

// watched runs a server with cameras, each with n viewers of the kinds that it has, and measures for the span.
type watched struct {
	cameras []*harness.Camera
	kinds   []string // of each camera
	viewers int      // of each camera
}

func (b *Bench) watch(ctx context.Context, server string, w watched) (report.Run, harness.Noise, error) {
	s, err := b.Start(ctx, server, w.cameras...)
	if err != nil {
		return nil, harness.Noise{}, err
	}
	defer s.Stop()
	generator := loadgen.New()
	var groups []*loadgen.Group
	defer func() {
		for _, g := range groups {
			g.Stop()
		}
	}()
	for i, cam := range w.cameras {
		kind := w.kinds[i]
		if kind == "ws" && server != harness.Bramble { // the same pictures, as others send them
			kind = "mjpeg"
		}
		groups = append(groups, generator.Join(ctx, w.viewers, loadgen.Viewer{URL: s.URL(cam.Name, kind), Kind: kind}))
	}
	return b.count(ctx, s, generator, groups, w.viewers*len(w.cameras))
}

// count lets a generator of viewers settle, and then counts what it sees in the span.
func (b *Bench) count(
	ctx context.Context, s *harness.Server, generator *loadgen.Generator, groups []*loadgen.Group, viewers int,
	ours ...*proc.Process,
) (report.Run, harness.Noise, error) {
	none := harness.Noise{}
	if err := first(ctx, generator, groups); err != nil {
		return nil, none, explain(s, err)
	}
	if err := loadgen.Pause(ctx, b.Settle, groups...); err != nil {
		return nil, none, explain(s, err)
	}
	end, err := s.Measure(ctx, ours...)
	if err != nil {
		return nil, none, err
	}
	generator.Begin()
	if err := loadgen.Pause(ctx, b.Span, groups...); err != nil {
		return nil, none, explain(s, err)
	}
	u, err := end()
	if err != nil {
		return nil, none, err
	}
	return figures(u, generator.End(), float64(viewers)*syntheticframes.FPS*u.Took.Seconds()), u.Noise, nil
}

// first waits until a generator has seen a frame.
func first(ctx context.Context, generator *loadgen.Generator, groups []*loadgen.Group) error {
	generator.BeginAll()
	for began := time.Now(); generator.Frames() == 0; {
		if time.Since(began) > firstFrameTimeout {
			return fmt.Errorf("no viewer has seen a frame of the camera in %v", firstFrameTimeout)
		}
		if err := loadgen.Pause(ctx, 20*time.Millisecond, groups...); err != nil {
			return err
		}
	}
	return nil
}

// firstFrameTimeout bounds how long a first frame may take.
const firstFrameTimeout = 20 * time.Second

// maxShownOutput is how much of what a server said is shown, in bytes.
const maxShownOutput = 2000

// explain says why viewers were shut out: the server has ended, or what it said last.
func explain(s *harness.Server, err error) error {
	if why := s.Check(); why != nil {
		return why
	}
	if err == nil || s.Proc == nil {
		return err
	}
	said := s.Proc.Output()
	return fmt.Errorf("%w; the server's last words:\n%s", err, said[max(0, len(said)-maxShownOutput):])
}
