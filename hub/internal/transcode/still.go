package transcode

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

// Still returns the newest picture of a camera as a JPEG rendition. It may be at most maxAge old at the time of the
// call. If there is none, Still waits for one. The picture of an H.264 camera is made of the newest key frame and the
// frames after it. Requests for the same picture share it. The error wraps cameras.ErrOffline if none came within wait.
func (t *Transcoder) Still(
	ctx context.Context, cam *cameras.Camera, want media.Want, maxAge, wait time.Duration, by Principal,
) (*stream.Packet, error) {
	of := sourceOf(cam)
	want.FPS = 0
	r := rendition{want}.quantize(of)
	if r.native(of.codec) {
		return cam.Picture(ctx, media.JPEG, maxAge, wait)
	}
	now := time.Now()
	oldest := now.Add(-maxAge)
	ctx, cancel := context.WithDeadline(ctx, now.Add(wait))
	defer cancel()
	if p := t.running(cam, r, oldest); p != nil {
		return p, nil
	}
	j, err := t.hold(ctx, key{cam, r, true}, of, by)
	if errors.Is(err, context.DeadlineExceeded) {
		err = &cameras.NoFrameError{What: "picture", Wait: wait, Reason: cam.Reason()}
	}
	if err != nil {
		return nil, err
	}
	v := t.subscription(j, by, cameras.Viewer)
	defer v.Close()
	target, err := fresh(ctx, cam, oldest)
	if err == nil {
		target, err = j.waitFor(ctx, v, target)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = &cameras.NoFrameError{What: "picture", Wait: wait, Reason: v.Reason()}
	}
	return target, err
}

// running returns the newest picture of a stream of this rendition that is running anyway, if it is new enough.
func (t *Transcoder) running(cam *cameras.Camera, want rendition, oldest time.Time) *stream.Packet {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, j := range t.jobs {
		same := j.want
		same.FPS = 0
		if j.camera != cam || j.still || same != want {
			continue
		}
		if f := j.out.Newest(); f != nil && !f.Arrived.Before(oldest) && time.Since(f.Arrived) < time.Second {
			return f
		}
	}
	return nil
}

// fresh waits for the camera's own newest frame to be new enough, and returns it.
func fresh(ctx context.Context, cam *cameras.Camera, oldest time.Time) (*stream.Packet, error) {
	src, err := cam.Subscribe("", cameras.Holder)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if lead := src.Stream().PacketsSinceKey(0); len(lead) > 0 && !lead[len(lead)-1].Arrived.Before(oldest) {
		return lead[len(lead)-1], nil
	}
	if why := cam.Offline(); why != nil {
		return nil, fmt.Errorf("%w: %w", cameras.ErrOffline, why)
	}
	for {
		d, err := src.Next(ctx, frameWait)
		if err == nil && !d.Arrived.Before(oldest) {
			return d.Packet, nil
		}
		if err != nil && !errors.Is(err, stream.ErrTimeout) {
			return nil, err
		}
	}
}

// waitFor returns the picture that shows the target, or a newer one.
func (j *job) waitFor(ctx context.Context, v *cameras.Subscription, target *stream.Packet) (*stream.Packet, error) {
	if f := j.out.Newest(); f != nil && covers(f, target) {
		return f, nil
	}
	for {
		j.request()
		d, err := v.Next(ctx, time.Second) // then ask again: ffmpeg may have ended meanwhile
		switch {
		case err == nil && covers(d.Packet, target):
			return d.Packet, nil
		case err != nil && !errors.Is(err, stream.ErrTimeout):
			return nil, err
		}
	}
}

// covers reports whether a picture was made of the target or of a later frame.
func covers(f, target *stream.Packet) bool {
	return f.Epoch > target.Epoch || f.Epoch == target.Epoch && f.Seq >= target.Seq
}
