// Package transcode makes renditions of cameras: streams in another format, size, quality or rate than the camera's
// own, each made once for all its viewers.
//
// A rendition is a stream.Stream like a camera's own, so viewers, the cached GOP and MP4 work as for any other.
// docs/design/transcoding.md says how it is made. Serving renditions over HTTP does not belong here.
package transcode

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/sysinfo"
	"github.com/bramble-cam/bramble/internal/media"
)

const defaultLinger = 10 * time.Second

// What DefaultMax assumes.
const (
	perProcessor = 16       // processes: a tile takes 6 to 13 % of a core (docs/benchmarks/2026-11-30-transcoding.md)
	perProcess   = 64 << 20 // bytes of memory; all processes together may use half
	leastMax     = 4
)

// DefaultMax returns the maximum number of ffmpeg processes for a machine's processors and bytes of memory. Memory is 0
// if it is not known.
func DefaultMax(processors int, memory uint64) int {
	n := uint64(perProcessor * max(1, processors))
	if memory > 0 {
		n = min(n, memory/2/perProcess)
	}
	return max(leastMax, int(n)) //nolint:gosec // a few thousand at most
}

// tickInterval is how often renditions without viewers are looked for.
const tickInterval = 250 * time.Millisecond

// Errors of a request for a rendition.
var (
	ErrNoFFmpeg error = problem.Kind{
		Text: "this needs the ffmpeg program, which the hub has not found: install it " +
			"(Debian, Raspberry Pi OS: apt-get install ffmpeg), or say where it is in the setting ffmpeg, " +
			"and start the hub again",
		Title: "ffmpeg is not installed", Status: http.StatusServiceUnavailable,
	}
	ErrTooMany error = problem.Kind{
		Text: "too many transcodes", Title: "Too many transcodes",
		Status: http.StatusServiceUnavailable, RetryAfter: problem.RetrySeconds,
	}
	errStopped = errors.New("the hub is stopping")
)

// Config is what a Transcoder needs.
type Config struct {
	FFmpeg  string        // the program's path, or its name in PATH; "" means ffmpeg
	HWAccel string        // one of HWAccels; "" means none
	Max     int           // maximum number of ffmpeg processes; 0 means DefaultMax of this machine
	Memory  int           // MiB of data that each may have, without HWAccel; 0 means no limit
	Linger  time.Duration // how long a rendition goes on after its last viewer; 0 means 10 s
	Stream  stream.Config // bounds of each rendition's ring; Format and Sparse are ignored
	Log     *slog.Logger
}

// Transcoder makes renditions.
type Transcoder struct {
	cfg   Config
	path  string // of ffmpeg; "" if it was not found
	begin chan *job
	slots chan struct{} // holds a token for each picture that is remade in this process at this moment
	procs chan struct{} // holds a token for each ffmpeg process, including those that are ending

	refused *prometheus.CounterVec // renditions, by limit

	mu           sync.Mutex
	jobs         map[key]*job
	counting     map[*job]struct{}        // whose counters are not in past yet: those that run, and those that end
	past         map[counterKey]*Counters // of the jobs that have ended
	ended        bool
	totals       Totals
	children     map[int]struct{} // process ids
	begun        uint64           // jobs
	cpuHighWater time.Duration    // the highest CPU that Totals has returned: an ending process is briefly in neither sum
}

// key identifies a job.
type key struct {
	camera *cameras.Camera
	want   rendition
	still  bool
}

// New looks for ffmpeg. Without it New succeeds, and requests that need it get ErrNoFFmpeg.
func New(cfg Config) *Transcoder {
	if cfg.FFmpeg == "" {
		cfg.FFmpeg = "ffmpeg"
	}
	if cfg.Max <= 0 {
		cfg.Max = DefaultMax(runtime.GOMAXPROCS(0), sysinfo.ReadLimits().Memory)
	}
	if cfg.Linger <= 0 {
		cfg.Linger = defaultLinger
	}
	t := &Transcoder{
		cfg: cfg, begin: make(chan *job), slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
		procs:   make(chan struct{}, cfg.Max),
		refused: newRefused(),
		jobs:    make(map[key]*job), counting: make(map[*job]struct{}), past: make(map[counterKey]*Counters),
		children: make(map[int]struct{}),
	}
	t.path, _ = exec.LookPath(cfg.FFmpeg) // "" says it all
	return t
}

// Available reports whether ffmpeg was found.
func (t *Transcoder) Available() bool { return t.path != "" }

// Max returns the maximum number of ffmpeg processes.
func (t *Transcoder) Max() int { return t.cfg.Max }

// Run makes renditions until ctx ends. It returns when all of them have ended.
func (t *Transcoder) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	tick := time.NewTicker(tickInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			t.end()
			return nil
		case j := <-t.begin:
			running.Go(func() { j.run(ctx) })
		case now := <-tick.C:
			t.sweep(now)
		}
	}
}

// end stops all renditions and refuses new ones.
func (t *Transcoder) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for _, j := range t.jobs {
		j.cancel(errStopped)
	}
}

// sweep ends renditions that had no viewer for the linger time.
func (t *Transcoder) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range t.jobs {
		if j.viewers == 0 && now.Sub(j.usedAt) >= t.cfg.Linger {
			t.dropLocked(j, errStopped)
		}
	}
}

// dropLocked ends a job and removes it. Its viewers get why as the cause.
func (t *Transcoder) dropLocked(j *job, why error) {
	j.cancel(why)
	if t.jobs[j.key] == j {
		delete(t.jobs, j.key)
	}
}

// Subscribe returns a subscription to a camera's rendition, which is started if it does not run. If the camera's own
// stream is what is wanted, it returns a subscription to that.
func (t *Transcoder) Subscribe(
	ctx context.Context, cam *cameras.Camera, want media.Want, by Principal, as cameras.Subscriber,
) (*cameras.Subscription, error) {
	of := sourceOf(cam)
	r := rendition{want}.quantize(of)
	if r.native(of.codec) {
		return cam.Subscribe(r.Codec, as)
	}
	j, err := t.hold(ctx, key{camera: cam, want: r}, of, by)
	if err != nil {
		return nil, err
	}
	return t.subscription(j, by, as), nil
}

// subscription returns a reader of a job that hold has counted.
func (t *Transcoder) subscription(j *job, by Principal, as cameras.Subscriber) *cameras.Subscription {
	return j.camera.SubscribeDerived(cameras.Derived{
		Group:           j.fanout,
		RequestKeyFrame: func() {}, // there is one every keyInterval
		Reason:          j.reason,
		Release:         func() { t.release(j, by) },
	}, as)
}

func sourceOf(cam *cameras.Camera) source {
	i := cam.Info()
	codec := media.Codec(i.Format)
	if p := i.Stream.Newest(); p != nil && p.Width > 0 { // an agent's word is not taken where the picture itself tells
		return source{codec, p.Width, p.Height}
	}
	return source{codec, i.Width, i.Height}
}

// hold returns the job of this key with one viewer more.
func (t *Transcoder) hold(ctx context.Context, k key, of source, by Principal) (*job, error) {
	t.mu.Lock()
	j := t.jobs[k]
	if j != nil {
		j.viewers++
		j.by[by]++
		t.mu.Unlock()
		return j, nil
	}
	j, err := t.newJobLocked(k, of, by)
	t.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case t.begin <- j:
		return j, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-j.ctx.Done():
		err = context.Cause(j.ctx)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropLocked(j, err)
	j.out.CloseWithError(err) // others may have found it
	t.keepCountersLocked(j)
	return nil, err
}

func (t *Transcoder) newJobLocked(k key, of source, by Principal) (*job, error) {
	if t.ended {
		return nil, errStopped
	}
	inProcess := t.inProcess(k, of)
	if !inProcess && t.path == "" {
		return nil, ErrNoFFmpeg
	}
	if err := t.admitLocked(by, k.camera, inProcess); err != nil {
		return nil, err
	}
	j := newJob(t, k, inProcess, by)
	t.jobs[k], t.counting[j] = j, struct{}{}
	return j, nil
}

func (t *Transcoder) release(j *job, by Principal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j.viewers--
	if j.by[by]--; j.by[by] == 0 {
		delete(j.by, by)
	}
	j.usedAt = time.Now()
}
