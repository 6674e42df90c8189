package transcode

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
)

// Principal is the party that requests a rendition.
type Principal struct {
	ID   string // equal for all requests that have one share
	Rank int    // between principals with the same use, the higher rank has precedence

	// MaxProcesses bounds the ffmpeg processes that it may start even if more are free. For renditions that this process
	// makes the bound is inProcessPerFFmpeg times as high. 0 means no such limit.
	MaxProcesses int
}

// inProcessPerFFmpeg is how many renditions this process may make itself for each allowed ffmpeg process. One at 2
// pictures a second costs a quarter of a process at a camera's rate (docs/design/transcoding.md).
const inProcessPerFFmpeg = 4

// Limits that refuse a rendition, as the metric of refused renditions names them.
const (
	LimitAll       = "all"       // all are in use, and no principal has more than its share
	LimitPrincipal = "principal" // all are in use, and the principal has its share
	LimitCamera    = "camera"    // all are in use, and the camera has its share
	LimitLink      = "link"      // Principal.MaxProcesses
)

// LimitError says which limit refuses a rendition. It wraps ErrTooMany.
type LimitError struct {
	Limit string
	text  string
}

func (e *LimitError) Error() string { return ErrTooMany.Error() + ": " + e.text }

func (e *LimitError) Unwrap() error { return ErrTooMany }

// errPreempted is the error for viewers of a rendition that ended in favor of another principal's.
var errPreempted = fmt.Errorf("%w: all that max-transcodes allows are running, "+
	"and this one gave way because its viewers had more than others: "+
	"close some, or request formats and sizes that the camera has or others watch", ErrTooMany)

// margin is how far two sums of shares may differ and still be equal.
const margin = 1e-9

// shares counts the use of ffmpeg processes by principal, or that of renditions made without ffmpeg. A job with viewers
// of n principals counts 1/n for each.
type shares struct {
	running []*job // including those without viewers
	used    map[string]float64
	held    map[string]int // the same in whole jobs
	cameras map[*cameras.Camera]int
}

func (t *Transcoder) sharesLocked(inProcess bool) shares {
	s := shares{used: make(map[string]float64), held: make(map[string]int), cameras: make(map[*cameras.Camera]int)}
	for _, j := range t.jobs {
		if j.inProcess != inProcess {
			continue
		}
		s.running = append(s.running, j)
		if j.viewers == 0 {
			continue
		}
		s.cameras[j.camera]++
		for p := range j.by {
			s.used[p.ID] += 1 / float64(len(j.by))
			s.held[p.ID]++
		}
	}
	return s
}

// admitLocked makes room for one more process of a principal, or for one more rendition made without ffmpeg. If all are
// in use, the one that has been without viewers for longest ends. Otherwise one of a principal with more than this one
// ends.
func (t *Transcoder) admitLocked(by Principal, camera *cameras.Camera, inProcess bool) error {
	s, times, where := t.sharesLocked(inProcess), 1, "by ffmpeg"
	if inProcess {
		times, where = inProcessPerFFmpeg, "in the hub"
	}
	if by.MaxProcesses > 0 && s.held[by.ID] >= times*by.MaxProcesses {
		return t.refuseLocked(LimitLink, "a signed link may start %d %s at a time, and these are running: "+
			"open the camera without parameters, or in a size that is already watched", times*by.MaxProcesses, where)
	}
	if len(s.running) < times*t.cfg.Max {
		return nil
	}
	idle := slices.DeleteFunc(slices.Clone(s.running), func(j *job) bool { return j.viewers > 0 })
	if len(idle) > 0 {
		t.dropLocked(slices.MinFunc(idle, func(a, b *job) int { return a.usedAt.Compare(b.usedAt) }), errStopped)
		return nil
	}
	if j := s.preemptable(by, s.cameras[camera]); j != nil {
		t.totals.Preempted += uint64(j.viewers) //nolint:gosec // not negative
		t.dropLocked(j, errPreempted)
		return nil
	}
	limit, remedy := LimitAll, "of which no principal has more than a share: try again later"
	switch {
	case s.held[by.ID] > 0:
		limit, remedy = LimitPrincipal, "which is your share: close one"
	case s.preemptable(by, 0) != nil:
		limit, remedy = LimitCamera, "which is the camera's share: request it in a size that is already watched"
	}
	return t.refuseLocked(limit, "%d are running %s, as many as max-transcodes %d allows, "+
		"%d of them for you and %d of camera %s, %s, "+
		"watch cameras in their own format and size, or have max-transcodes raised",
		len(s.running), where, t.cfg.Max, s.held[by.ID], s.cameras[camera], camera.ID(), remedy)
}

func (t *Transcoder) refuseLocked(limit, format string, args ...any) error {
	t.refused.WithLabelValues(limit).Inc()
	return &LimitError{limit, fmt.Sprintf(format, args...)}
}

// preemptable returns the process that gives way to a principal, for a camera that has ofCamera processes, or nil.
// Among the candidates it chooses the one whose viewers have most. Ties go to the lowest rank, then to the camera
// with most processes, the fewest viewers, and the newest. No process moves back, because the difference has become
// smaller.
func (s shares) preemptable(by Principal, ofCamera int) *job {
	var best *job
	for _, j := range s.running {
		if s.mayPreempt(j, by, ofCamera) && (best == nil || s.compare(j, best) > 0) {
			best = j
		}
	}
	return best
}

func (s shares) compare(a, b *job) int {
	return cmp.Or(cmp.Compare(s.least(a), s.least(b)), cmp.Compare(b.rankLocked(), a.rankLocked()),
		cmp.Compare(s.cameras[a.camera], s.cameras[b.camera]),
		cmp.Compare(b.viewers, a.viewers), cmp.Compare(a.number, b.number))
}

// mayPreempt reports whether all principals that watch a process have more than by would then have. If they have as
// many, lower precedence decides: by rank, then by camera. A process that only by watches gives way to a camera that
// has fewer.
func (s shares) mayPreempt(j *job, by Principal, ofCamera int) bool {
	own, others, rank := false, false, j.rankLocked()
	for p := range j.by {
		own, others = own || p.ID == by.ID, others || p.ID != by.ID
	}
	moreOfCamera := s.cameras[j.camera] > ofCamera+1
	if own {
		return !others && moreOfCamera
	}
	switch more := s.least(j) - s.used[by.ID] - 1; {
	case more > margin:
		return true
	case more < -margin:
		return false
	}
	return rank < by.Rank || rank == by.Rank && moreOfCamera
}

// least returns the use of the principal that has least, among those that watch a process.
func (s shares) least(j *job) float64 {
	least := float64(len(s.running))
	for p := range j.by {
		least = min(least, s.used[p.ID])
	}
	return least
}

// rankLocked is the highest rank among the principals that watch a job.
func (j *job) rankLocked() int {
	rank := math.MinInt
	for p := range j.by {
		rank = max(rank, p.Rank)
	}
	return rank
}
