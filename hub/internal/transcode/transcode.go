package transcode

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/registry"
	"github.com/bramble-cam/bramble/hub/internal/stream"
)

// Defaults of Config.
const (
	DefaultMax    = 32
	defaultLinger = 10 * time.Second
)

// tickInterval is how often it is looked for renditions that nobody watches any longer.
const tickInterval = 250 * time.Millisecond

// Errors of a request for a rendition.
var (
	ErrNoFFmpeg = errors.New("this needs the ffmpeg program, which the hub has not found: install it (Debian, Raspberry Pi OS: apt-get install ffmpeg), " +
		"or say where it is with --ffmpeg, and start the hub again")
	ErrTooMany = errors.New("too many transcodes")
	errStopped = errors.New("the hub is stopping")
)

// Config is what a Transcoder needs.
type Config struct {
	FFmpeg  string        // the program's path, or its name in PATH; "" means ffmpeg
	HWAccel string        // one of HWAccels; "" means none
	Max     int           // how many ffmpeg processes there may be; 0 means DefaultMax
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

	mu       sync.Mutex
	jobs     map[key]*job
	counting map[*job]struct{} // whose counters are not in past yet: those that run, and those that end
	past     map[of]*Sums      // of the jobs that have ended
	ended    bool
	totals   Totals
	children map[int]struct{} // process ids
	told     time.Duration    // the highest CPU that Totals has returned: what ends is for a moment in neither sum
}

// key identifies a job.
type key struct {
	camera *registry.Camera
	want   Rendition
	still  bool
}

// New looks for ffmpeg. That it is not there is no error: requests that need it will be told.
func New(cfg Config) *Transcoder {
	if cfg.FFmpeg == "" {
		cfg.FFmpeg = "ffmpeg"
	}
	if cfg.Max <= 0 {
		cfg.Max = DefaultMax
	}
	if cfg.Linger <= 0 {
		cfg.Linger = defaultLinger
	}
	t := &Transcoder{
		cfg: cfg, begin: make(chan *job), slots: make(chan struct{}, runtime.GOMAXPROCS(0)),
		jobs: make(map[key]*job), counting: make(map[*job]struct{}), past: make(map[of]*Sums), children: make(map[int]struct{}),
	}
	t.path, _ = exec.LookPath(cfg.FFmpeg) // "" says it all
	return t
}

// Available reports whether ffmpeg was found.
func (t *Transcoder) Available() bool { return t.path != "" }

// Run makes renditions until ctx ends, and returns when nothing of it is left.
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

// end refuses what is still to come.
func (t *Transcoder) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for _, j := range t.jobs {
		j.cancel()
	}
}

// sweep ends what nobody has watched for the linger time.
func (t *Transcoder) sweep(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range t.jobs {
		if j.viewers == 0 && now.Sub(j.usedAt) >= t.cfg.Linger {
			t.dropLocked(j)
		}
	}
}

// dropLocked ends a job, which nobody finds from now on.
func (t *Transcoder) dropLocked(j *job) {
	j.cancel()
	if t.jobs[j.key] == j {
		delete(t.jobs, j.key)
	}
}

// View returns a viewer of a camera's rendition, which is started if it does not run. If it is the camera's own stream, that is what is viewed.
func (t *Transcoder) View(ctx context.Context, cam *registry.Camera, want Rendition) (*registry.Viewer, error) {
	of := sourceOf(cam)
	want = want.snap(of)
	if want.native(of.format) {
		return cam.View(want.Format)
	}
	j, err := t.hold(ctx, key{camera: cam, want: want}, of)
	if err != nil {
		return nil, err
	}
	return cam.Rendition(j.out, func() { t.release(j) }, j.reason), nil
}

func sourceOf(cam *registry.Camera) source {
	i := cam.Info()
	if f := i.Stream.Newest(); f != nil && f.Width > 0 { // an agent's word is not taken for it where the picture itself tells
		return source{i.Format, f.Width, f.Height}
	}
	return source{i.Format, i.Width, i.Height}
}

// hold returns the job of this key with one viewer more.
func (t *Transcoder) hold(ctx context.Context, k key, of source) (*job, error) {
	t.mu.Lock()
	j := t.jobs[k]
	if j != nil {
		j.viewers++
		t.mu.Unlock()
		return j, nil
	}
	j, err := t.newJobLocked(k, of)
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
		err = errStopped
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dropLocked(j)
	j.out.End(err) // others may have found it
	t.settleLocked(j)
	return nil, err
}

func (t *Transcoder) newJobLocked(k key, of source) (*job, error) {
	if t.ended {
		return nil, errStopped
	}
	inProcess := t.inProcess(k, of)
	if !inProcess {
		if t.path == "" {
			return nil, ErrNoFFmpeg
		}
		if err := t.roomLocked(); err != nil {
			return nil, err
		}
	}
	j := newJob(t, k, inProcess)
	t.jobs[k], t.counting[j] = j, struct{}{}
	return j, nil
}

// roomLocked sees to it that there may be one process more, at the cost of the one that has been without viewers for longest.
func (t *Transcoder) roomLocked() error {
	var list []*job
	for _, j := range t.jobs {
		if !j.inProcess {
			list = append(list, j)
		}
	}
	if len(list) < t.cfg.Max {
		return nil
	}
	idle := slices.DeleteFunc(slices.Clone(list), func(j *job) bool { return j.viewers > 0 })
	if len(idle) == 0 {
		return fmt.Errorf("%w: %d run already, which is the limit that --max-transcodes sets; watch fewer cameras in formats and sizes that are not their own, or raise it", ErrTooMany, len(list))
	}
	t.dropLocked(slices.MinFunc(idle, func(a, b *job) int { return a.usedAt.Compare(b.usedAt) }))
	return nil
}

func (t *Transcoder) release(j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j.viewers--
	j.usedAt = time.Now()
}
