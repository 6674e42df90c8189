package transcode

import (
	"slices"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/drop"
)

// Counters count what the renditions of one camera in one format have done since the hub knows the camera, those that
// have ended included.
type Counters struct {
	Running  int    // renditions now
	Frames   uint64 // made
	Out      uint64 // frames delivered, over all viewers
	BytesOut uint64 // of those
	Drops    drop.Counters
}

func (s *Counters) add(of *stream.Stream) {
	s.Frames += of.FramesIn.Load()
	s.Out += of.FramesOut.Load()
	s.BytesOut += of.BytesOut.Load()
	of.Drops.Each(s.Drops.Add)
}

// counterKey is a camera in a format.
type counterKey struct {
	camera *cameras.Camera
	codec  media.Codec
}

// keepCountersLocked keeps the counters of a job whose stream has ended.
func (t *Transcoder) keepCountersLocked(j *job) {
	at := counterKey{j.camera, j.want.Codec}
	if t.past[at] == nil {
		t.past[at] = &Counters{}
	}
	t.past[at].add(j.out)
	delete(t.counting, j)
}

// Counters returns the counters by camera id and format. The cameras are all that the hub knows: those of others are
// forgotten.
func (t *Transcoder) Counters(cameras []*cameras.Camera) map[string]map[media.Codec]*Counters {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string]map[media.Codec]*Counters)
	at := func(o counterKey) *Counters {
		id := o.camera.ID()
		if all[id] == nil {
			all[id] = make(map[media.Codec]*Counters)
		}
		if all[id][o.codec] == nil {
			all[id][o.codec] = &Counters{}
		}
		return all[id][o.codec]
	}
	for o, past := range t.past {
		if !slices.Contains(cameras, o.camera) {
			delete(t.past, o)
			continue
		}
		sum := at(o)
		sum.Frames, sum.Out, sum.BytesOut = past.Frames, past.Out, past.BytesOut
		past.Drops.Each(sum.Drops.Add)
	}
	for j := range t.counting {
		if !slices.Contains(cameras, j.camera) {
			continue
		}
		sum := at(counterKey{j.camera, j.want.Codec})
		if t.jobs[j.key] == j {
			sum.Running++
		}
		sum.add(j.out)
	}
	return all
}
