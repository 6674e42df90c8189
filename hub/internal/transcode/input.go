package transcode

import (
	"context"
	"errors"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
)

// input takes a camera's frames for one run of a job. It belongs to one goroutine at a time.
type input struct {
	j     *job
	src   *cameras.Subscription
	codec media.Codec
	first *stream.Packet // what the run has begun with

	due   time.Time // at a limited rate: when the next picture is wanted
	queue []*stream.Packet
	from  uint64 // still: index behind the last frame taken
}

// unit is a frame to be decoded. If it is not wanted it only leads up to one that is.
type unit struct {
	*stream.Packet
	wanted bool
}

func newInput(j *job, src *cameras.Subscription) *input {
	return &input{j: j, src: src, codec: src.Tracks()[0].Codec}
}

// next waits for the next frame. It returns errChanged if the frames of this run have come to an end: nothing is lost
// by it, since the next run begins with the newest key frame.
func (in *input) next(ctx context.Context) (u unit, err error) {
	for {
		if in.j.still {
			u, err = in.onDemand(ctx)
		} else {
			u, err = in.live(ctx)
		}
		if err != nil {
			return unit{}, err
		}
		if in.first == nil {
			in.first = u.Packet
		}
		if u.Epoch != in.first.Epoch || u.Width != in.first.Width || u.Height != in.first.Height ||
			u.Params != in.first.Params && u.Key {
			if in.j.still {
				in.j.request()
			}
			return unit{}, errChanged
		}
		if u.wanted || in.codec == media.H264 {
			return u, nil
		}
	}
}

// live returns every frame, as a viewer gets them.
func (in *input) live(ctx context.Context) (unit, error) {
	for {
		d, err := in.src.Next(ctx, frameWait)
		switch {
		case errors.Is(err, stream.ErrTimeout):
			continue
		case err != nil:
			return unit{}, err
		}
		return unit{d.Packet, !d.Preroll && in.atRate(d)}, nil
	}
}

// atRate reports whether a frame is wanted at the rendition's rate.
func (in *input) atRate(d stream.Delivery) bool {
	if in.j.want.FPS == 0 {
		return true
	}
	if d.Arrived.Before(in.due.Add(-d.Duration / 2)) {
		return false
	}
	interval := time.Duration(float64(time.Second) / in.j.want.FPS)
	if in.due = in.due.Add(interval); in.due.Before(d.Arrived) {
		in.due = d.Arrived.Add(interval)
	}
	return true
}

// onDemand takes what leads up to the newest frame whenever a picture is requested.
func (in *input) onDemand(ctx context.Context) (unit, error) {
	for len(in.queue) == 0 {
		select {
		case <-ctx.Done():
			return unit{}, ctx.Err()
		case <-in.j.requested:
			in.queue = in.src.Stream().PacketsSinceKey(in.from)
		}
	}
	f := in.queue[0]
	in.queue = in.queue[1:]
	in.from = f.Index + 1
	return unit{f, len(in.queue) == 0}, nil
}

// request makes the job produce a still. Requests before it begins share it.
func (j *job) request() {
	select {
	case j.requested <- struct{}{}:
	default:
	}
}
