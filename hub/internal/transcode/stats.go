package transcode

import (
	"cmp"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/media"
)

// Totals are the costs of all renditions since the start.
type Totals struct {
	Processes int           // ffmpeg processes now
	CPU       time.Duration // processor time of ffmpeg
	Restarts  uint64        // runs that ended while they had viewers
	Preempted uint64        // viewers whose rendition ended because others had fewer
}

// Info is one rendition at one moment.
type Info struct {
	Camera    string
	Want      media.Want
	Still     bool // single pictures on request, not a stream
	InProcess bool // made without ffmpeg
	Viewers   int
	Restarts  uint64
	CPU       time.Duration // processor time of its ffmpeg
	LastError string        // why there are no frames, or ""
	Stream    *stream.Stream
}

// Renditions lists what runs, of one camera or, with nil, of all.
func (t *Transcoder) Renditions(cam *cameras.Camera) []Info {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []Info
	for k, j := range t.jobs {
		if cam != nil && k.camera != cam {
			continue
		}
		list = append(list, Info{
			Camera: k.camera.ID(), Want: k.want.Want, Still: k.still, InProcess: j.inProcess, Viewers: j.viewers,
			Restarts: j.restarts, CPU: j.cpu + cpuOf(j.pid), LastError: j.lastError, Stream: j.out,
		})
	}
	slices.SortFunc(list, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.Camera, b.Camera), cmp.Compare(a.Want.String(), b.Want.String()))
	})
	return list
}

// Totals returns the costs.
func (t *Transcoder) Totals() Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := t.totals
	for pid := range t.children {
		sum.CPU += cpuOf(pid)
	}
	sum.Processes = len(t.children)
	t.cpuHighWater = max(t.cpuHighWater, sum.CPU)
	sum.CPU = t.cpuHighWater
	return sum
}

// processStarted notes a process.
func (t *Transcoder) processStarted(j *job, pid int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j.pid = pid
	t.children[pid] = struct{}{}
}

// processStopped notes the end of a process and what it has used.
func (t *Transcoder) processStopped(j *job, cpu time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.children, j.pid)
	j.pid = 0
	j.cpu += cpu
	t.totals.CPU += cpu
}

// setLastError notes why a rendition has no frames.
func (t *Transcoder) setLastError(j *job, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j.lastError = why.Error()
}

// runFailed counts a run that ended by a fault.
func (t *Transcoder) runFailed(j *job, why error) {
	t.setLastError(j, why)
	t.mu.Lock()
	j.restarts++
	t.totals.Restarts++
	t.mu.Unlock()
	t.cfg.Log.Warn("transcoding failed, trying again",
		logkey.Camera, j.camera.ID(), "rendition", j.want.String(), logkey.Err, why)
}
