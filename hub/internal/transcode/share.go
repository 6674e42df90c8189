package transcode

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/bramble-cam/bramble/hub/internal/registry"
)

// Principal is on whose behalf a rendition is asked for.
type Principal struct {
	ID   string // equal for all requests that have one share together
	Rank int    // of two principals with the same use the one of higher rank has precedence
	Most int    // how many processes it may begin, though more are free, and remadePerProcess times as many renditions that this process makes; 0 means no such limit
}

// remadePerProcess is how many renditions this process may make itself for each ffmpeg process that there may be. One at 2 pictures a second costs a quarter of what a process does
// at the rate of a camera (docs/design/transcoding.md).
const remadePerProcess = 4

// Limits that refuse a rendition, as Totals.Refused names them.
const (
	LimitAll       = "all"       // all run, and each of the others has no more than its share
	LimitPrincipal = "principal" // all run, and whoever asks has their share of them
	LimitCamera    = "camera"    // all run, and the camera has its share of them
	LimitLink      = "link"      // Principal.Most
)

// LimitError says which limit refuses a rendition. It wraps ErrTooMany.
type LimitError struct {
	Limit string
	text  string
}

func (e *LimitError) Error() string { return ErrTooMany.Error() + ": " + e.text }

func (e *LimitError) Unwrap() error { return ErrTooMany }

// errGaveWay is what viewers of a rendition are told that was ended for another principal's.
var errGaveWay = fmt.Errorf("%w: all that --max-transcodes allows run, and this one gave way, since those who watched it had more of them than others: "+
	"close some, or ask for formats and sizes that the camera has or others watch", ErrTooMany)

// margin is how far two sums of shares may differ and still be equal.
const margin = 1e-9

// shares tell who uses the processes that have viewers, or the renditions that are made without one. Such a job with viewers of n principals counts for each of them as one nth.
type shares struct {
	running []*job // with those that have no viewers
	of      map[string]float64
	held    map[string]int // the same in whole jobs
	cameras map[*registry.Camera]int
}

func (t *Transcoder) sharesLocked(inProcess bool) shares {
	s := shares{of: make(map[string]float64), held: make(map[string]int), cameras: make(map[*registry.Camera]int)}
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
			s.of[p.ID] += 1 / float64(len(j.by))
			s.held[p.ID]++
		}
	}
	return s
}

// roomLocked sees to it that there may be one process more for a principal, or one rendition more that is made without. If all run, the one that has been
// without viewers for longest ends; else one of a principal that has more than this one.
func (t *Transcoder) roomLocked(by Principal, camera *registry.Camera, inProcess bool) error {
	s, times, where := t.sharesLocked(inProcess), 1, "by ffmpeg"
	if inProcess {
		times, where = remadePerProcess, "in the hub"
	}
	if by.Most > 0 && s.held[by.ID] >= times*by.Most {
		return t.refuseLocked(LimitLink, "a signed link may begin %d %s at a time, and these run: open the camera without parameters, or in a size that is watched already", times*by.Most, where)
	}
	if len(s.running) < times*t.cfg.Max {
		return nil
	}
	if idle := slices.DeleteFunc(slices.Clone(s.running), func(j *job) bool { return j.viewers > 0 }); len(idle) > 0 {
		t.dropLocked(slices.MinFunc(idle, func(a, b *job) int { return a.usedAt.Compare(b.usedAt) }), errStopped)
		return nil
	}
	if j := s.surplus(by, s.cameras[camera]); j != nil {
		t.totals.GaveWay += uint64(j.viewers) //nolint:gosec // not negative
		t.dropLocked(j, errGaveWay)
		return nil
	}
	limit, remedy := LimitAll, "none has more than a share of them: ask again later"
	switch {
	case s.held[by.ID] > 0:
		limit, remedy = LimitPrincipal, "which is your share: close one"
	case s.surplus(by, 0) != nil:
		limit, remedy = LimitCamera, "which is the camera's share: ask for it in a size that is watched already"
	}
	return t.refuseLocked(limit, "%d run %s, as many as --max-transcodes %d allows, %d of them for you and %d of camera %s, %s, watch cameras in their own format and size, or have --max-transcodes raised",
		len(s.running), where, t.cfg.Max, s.held[by.ID], s.cameras[camera], camera.ID(), remedy)
}

func (t *Transcoder) refuseLocked(limit, format string, args ...any) error {
	t.refused[limit]++
	return &LimitError{limit, fmt.Sprintf(format, args...)}
}

// surplus returns the process that gives way to one of a principal, for a camera that has so many, or nil. Of those that may it is the one whose viewers have most,
// then the one of the lowest rank, of the camera that has most, with the fewest viewers, and last the newest. What has moved does not move back: the difference
// has become smaller.
func (s shares) surplus(by Principal, ofCamera int) *job {
	var best *job
	for _, j := range s.running {
		if s.givesWay(j, by, ofCamera) && (best == nil || s.compare(j, best) > 0) {
			best = j
		}
	}
	return best
}

func (s shares) compare(a, b *job) int {
	return cmp.Or(cmp.Compare(s.least(a), s.least(b)), cmp.Compare(b.rankLocked(), a.rankLocked()), cmp.Compare(s.cameras[a.camera], s.cameras[b.camera]),
		cmp.Compare(b.viewers, a.viewers), cmp.Compare(a.number, b.number))
}

// givesWay reports whether all who watch a process have more of them than the principal would then have, or as many and less
// precedence: by rank, then by camera. One that the principal watches alone gives way to a camera that has less.
func (s shares) givesWay(j *job, by Principal, ofCamera int) bool {
	own, others, rank := false, false, j.rankLocked()
	for p := range j.by {
		own, others = own || p.ID == by.ID, others || p.ID != by.ID
	}
	moreOfCamera := s.cameras[j.camera] > ofCamera+1
	if own {
		return !others && moreOfCamera
	}
	switch more := s.least(j) - s.of[by.ID] - 1; {
	case more > margin:
		return true
	case more < -margin:
		return false
	}
	return rank < by.Rank || rank == by.Rank && moreOfCamera
}

// least returns how much the one who has least has of those who watch a process.
func (s shares) least(j *job) float64 {
	least := float64(len(s.running))
	for p := range j.by {
		least = min(least, s.of[p.ID])
	}
	return least
}

// rankLocked is the highest rank of those who watch a job.
func (j *job) rankLocked() int {
	rank := math.MinInt
	for p := range j.by {
		rank = max(rank, p.Rank)
	}
	return rank
}
