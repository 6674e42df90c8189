package transcode

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/subprocess"
	"github.com/bramble-cam/bramble/shared/drop"
)

const (
	// writeTimeout is how long ffmpeg may take to take in a frame, and drainTimeout to hand out what is left when there
	// is no more.
	writeTimeout = 10 * time.Second
	drainTimeout = 2 * time.Second

	// stopTimeout is how long ffmpeg has to end by itself: it has nothing of worth to finish.
	stopTimeout = 500 * time.Millisecond
)

// errOutputEnded is the end of ffmpeg's output.
var errOutputEnded = errors.New("ffmpeg's output has ended")

// run is one run of ffmpeg.
type run struct {
	j     *job
	in    *input
	pipes subprocess.Pipes

	base time.Duration // PTS of the first frame
	last uint64        // time of the last frame fed
	head []byte        // reused
	avcc []byte        // reused

	ledger ledger
}

// ffmpeg runs ffmpeg until it or the source ends. u is the first frame.
func (j *job) ffmpeg(ctx context.Context, in *input, u unit) error {
	if u.Width <= 0 || u.Height <= 0 {
		return errors.New("the camera's frame does not say how large its picture is")
	}
	oom := &oomDetector{}
	cfg := subprocess.Config{
		Path:     j.t.path,
		Args:     arguments(j.t.cfg.HWAccel, j.want, source{in.codec, u.Width, u.Height}, u.Duration),
		Stdin:    true,
		Extra:    1,
		StopTime: stopTimeout,
		Log:      j.t.cfg.Log.With(logkey.Camera, j.camera.ID(), "rendition", j.want.String()),
		Source:   "ffmpeg",
		OnStderr: oom.onLine,
		Env:      environment(j.t.cfg.HWAccel),
		Limits:   j.t.cfg.limits(),
	}
	r := &run{j: j, in: in, base: u.PTS, ledger: newLedger()}
	out, err := subprocess.Run(ctx, cfg, func(ctx context.Context, pipes subprocess.Pipes) error {
		j.t.processStarted(j, pipes.PID)
		r.pipes = pipes
		return r.drive(ctx, u)
	})
	if err != nil {
		return setting.Errorf("start %s: %w: {ffmpeg} says which program to use", j.t.path, err)
	}
	j.t.processStopped(j, out.CPU)
	j.out.Drops.Add(drop.Gone, r.ledger.unfinished())
	if errors.Is(out.ReadErr, errOutputEnded) {
		return explain(out, oom.remedy(j.t.cfg.Memory))
	}
	return out.ReadErr
}

// explain tells why ffmpeg has ended by itself.
func explain(out subprocess.Outcome, remedy string) error {
	text := "ffmpeg ended"
	if out.WaitErr != nil {
		text += " with " + out.WaitErr.Error()
	}
	if out.LastStderr != "" {
		text += "; it said: " + out.LastStderr
	}
	return errors.New(text + remedy)
}

// drive feeds ffmpeg and takes what it makes, until either has an end.
func (r *run) drive(ctx context.Context, u unit) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = r.pipes.Stdin.SetWriteDeadline(time.Now()) })()
	var fed error
	var feeding sync.WaitGroup
	feeding.Go(func() {
		fed = r.write(ctx, u)
		_ = r.pipes.Stdin.Close() // ffmpeg then ends; it may have done so already
		deadline := time.Now().Add(drainTimeout)
		// they are pipes
		_ = errors.Join(r.pipes.Stdout.SetReadDeadline(deadline), r.pipes.Extra[0].SetReadDeadline(deadline))
	})
	err := r.readOutput()
	cancel()
	feeding.Wait()
	if fed != nil && !errors.Is(fed, context.Canceled) && !errors.Is(fed, syscall.EPIPE) {
		return fed // it was the first to end
	}
	return err
}

// write writes frames to ffmpeg.
func (r *run) write(ctx context.Context, u unit) (err error) {
	head := mkvHeader(paramSets(u.Params), u.Width, u.Height, u.Duration)
	for ; err == nil; u, err = r.in.next(ctx) {
		if u.wanted {
			r.ledger.waitForRoom(ctx)
		}
		if err := r.pipes.Stdin.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if ctx.Err() != nil { // else the deadline that its end has set would be undone
			return ctx.Err()
		}
		at := r.time(u)
		r.ledger.add(entry{at, u.wanted, u.Packet.Packet})
		payload := u.Payload
		if r.in.codec == media.H264 {
			r.avcc = h264.AppendAVCC(r.avcc[:0], payload, nil)
			payload = r.avcc
		}
		r.head = mkvBlock(append(r.head[:0], head...), at, u.Key, len(payload))
		head = nil
		for _, b := range [][]byte{r.head, payload} {
			if _, err := r.pipes.Stdin.Write(b); ctx.Err() != nil {
				return ctx.Err()
			} else if err != nil {
				return fmt.Errorf("ffmpeg takes no frames: %w", err)
			}
		}
	}
	return err
}

// time identifies a frame on its way through ffmpeg: its presentation time in ticks, odd if it is to be encoded.
func (r *run) time(u unit) uint64 {
	at := uint64(max(0, (u.PTS-r.base)/tick)) &^ 1
	if next := r.last&^1 + 2; at < next && r.last > 0 {
		at = next
	}
	if u.wanted {
		at |= 1
	}
	r.last = max(at, 1)
	return at
}

// paramSets returns the parameters of an H.264 packet, or nil.
func paramSets(p media.Params) *h264.ParamSets {
	sets, _ := p.(*h264.ParamSets)
	return sets
}
