package transcode

import (
	"context"
	"errors"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/fanout"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/media"
)

const (
	// Pauses before ffmpeg is started again. A run of at least goodRun makes the next pause the first one again.
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
	goodRun    = 5 * time.Second

	// frameWait bounds one wait for a frame. A camera may be away for any time.
	frameWait = time.Minute
)

// errChanged ends a run because its source has a new epoch or another size. The next run begins at once.
var errChanged = errors.New("the camera's stream has changed")

// job is one rendition that runs.
type job struct {
	key

	t         *Transcoder
	out       *stream.Stream
	fanout    *fanout.Group // of its readers
	inProcess bool          // JPEG from JPEG, without ffmpeg
	number    uint64        // a later job has a higher one
	cancel    context.CancelCauseFunc
	ctx       context.Context // ends when the job should; viewers get its cause
	requested chan struct{}   // still: holds a token when a picture is wanted

	// Guarded by Transcoder.mu.
	viewers   int
	by        map[Principal]int // number of viewers per principal
	usedAt    time.Time
	lastError string // why the last run ended; "" once a frame has come
	restarts  uint64
	cpu       time.Duration // of the runs that are over
	pid       int           // of the one at hand, or 0

	norm h264.Normalizer // of what comes out; run's goroutine only
}

// newJob is called with Transcoder.mu held.
func newJob(t *Transcoder, k key, inProcess bool, by Principal) *job {
	cfg := t.cfg.Stream
	cfg.Tracks, cfg.Sparse = media.VideoTracks(k.want.Codec), true
	ctx, cancel := context.WithCancelCause(context.Background())
	t.begun++
	out := stream.New(cfg)
	return &job{
		key: k, t: t, out: out, fanout: fanout.New(out), inProcess: inProcess, number: t.begun,
		ctx: ctx, cancel: cancel, requested: make(chan struct{}, 1),
		viewers: 1, by: map[Principal]int{by: 1},
	}
}

// run makes the rendition until ctx or the job's own context ends.
func (j *job) run(ctx context.Context) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(j.ctx, stop)()
	j.t.cfg.Log.Info("transcoding starts", logkey.Camera, j.camera.ID(), "rendition", j.want.String())
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := j.runOnce(ctx)
		switch {
		case ctx.Err() != nil, errors.Is(err, errChanged):
			continue
		case errors.Is(err, cameras.ErrNotNative): // what it is made of is another format now
			j.finish(err)
			return
		}
		j.t.runFailed(j, err)
		if time.Since(began) >= goodRun {
			pause = firstPause
		}
		wait(ctx, pause)
		pause = min(2*pause, lastPause)
	}
	why := errStopped
	if j.ctx.Err() != nil {
		why = context.Cause(j.ctx)
	}
	j.finish(why)
	j.t.cfg.Log.Info("transcoding ends", logkey.Camera, j.camera.ID(), "rendition", j.want.String())
}

// finish ends the stream for its remaining viewers.
func (j *job) finish(err error) {
	j.t.mu.Lock()
	j.t.dropLocked(j, err)
	j.t.mu.Unlock()
	j.out.CloseWithError(err)
	j.t.mu.Lock()
	defer j.t.mu.Unlock()
	j.t.keepCountersLocked(j)
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// runOnce holds the camera and makes frames of it until something ends that.
func (j *job) runOnce(ctx context.Context) error {
	src, err := j.camera.Subscribe("", cameras.Holder)
	if err != nil {
		return err
	}
	defer func() { src.CloseUnused(j.lastUsed()) }()
	in := newInput(j, src)
	first, err := in.next(ctx)
	if err != nil {
		return err
	}
	if j.inProcess {
		return j.reencodeAll(ctx, in, first)
	}
	select {
	case j.t.procs <- struct{}{}: // immediate, unless a job that gave way is still ending
		defer func() { <-j.t.procs }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return j.ffmpeg(ctx, in, first)
}

// lastUsed is when the rendition last had a viewer.
func (j *job) lastUsed() time.Time {
	j.t.mu.Lock()
	defer j.t.mu.Unlock()
	if j.viewers > 0 {
		return time.Now()
	}
	return j.usedAt
}

// put adds a packet to the rendition.
func (j *job) put(p media.Packet) {
	j.out.Append(p)
	j.t.mu.Lock()
	defer j.t.mu.Unlock()
	j.lastError = ""
}

// reason tells why there are no frames, or "".
func (j *job) reason() string {
	j.t.mu.Lock()
	defer j.t.mu.Unlock()
	if j.lastError != "" {
		return j.lastError
	}
	return j.camera.Reason()
}
