package viewers

import (
	"log/slog"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/logkey"
)

const (
	// ViewingGap is how long after the end of a viewing the same viewer may resume it. Pictures requested one by one
	// thus form one viewing.
	ViewingGap = 30 * time.Second

	// maxPieces bounds the duration of a viewing made of pieces. The next piece begins another one.
	maxPieces = time.Hour

	// MaxViewings bounds the viewings that are tracked at a time.
	MaxViewings = 8192
)

// audit writes one audit line when a viewing begins and one when it ends: principal, camera, start and end. Only write
// logs, so that no viewer waits for the log.
type audit struct {
	log *slog.Logger

	mu   sync.Mutex
	open map[viewingKey]*viewing // guarded by mu
	lost int                     // viewings beyond MaxViewings; guarded by mu
}

// viewingKey identifies a viewing: the principal and its proof, the camera and output, and the address.
type viewingKey struct {
	user, by, proof, camera, output, address string
}

// viewing is a viewing in progress, or one that has just ended.
type viewing struct {
	role      permission.Role
	from, to  time.Time
	active    int // pieces in progress
	pieces    int
	bytes     int64
	announced bool // the line of its beginning was logged
}

func newAudit(log *slog.Logger) *audit {
	return &audit{log: log, open: make(map[viewingKey]*viewing)}
}

func keyOf(v *Viewer) (k viewingKey, role permission.Role) {
	p := v.Principal()
	return viewingKey{p.Name, p.Method, p.Proof(), v.camera, v.output, v.address}, p.Role
}

// begin records that a viewer starts to receive frames.
func (a *audit) begin(v *Viewer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.beginLocked(v)
}

func (a *audit) beginLocked(v *Viewer) {
	if v.viewing != nil {
		return
	}
	k, role := keyOf(v)
	w := a.open[k]
	if w == nil {
		if len(a.open) >= MaxViewings {
			a.lost++
			return
		}
		w = &viewing{role: role, from: v.since}
		a.open[k] = w
	}
	w.active++
	w.pieces++
	v.viewing = w
}

// end records that a viewer has left. A viewer that received nothing has viewed nothing.
func (a *audit) end(v *Viewer, now time.Time) {
	sent := v.bytes.Load()
	if sent == 0 || v.camera == "" {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.beginLocked(v)
	if w := v.viewing; w != nil {
		w.active--
		w.bytes += sent
		w.to = now
	}
}

// record is a viewing as it is logged.
type record struct {
	viewingKey
	viewing
}

// due returns the viewings that have begun, and removes those that have ended from the list. With all set, every
// viewing ends now.
func (a *audit) due(now time.Time, all bool) (begun, ended []record, lost int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, w := range a.open {
		if !w.announced {
			w.announced = true
			begun = append(begun, record{k, *w})
		}
		if over := w.active == 0 && (now.Sub(w.to) >= ViewingGap || now.Sub(w.from) >= maxPieces); over || all {
			if w.active > 0 {
				w.to = now
			}
			ended = append(ended, record{k, *w})
			delete(a.open, k)
		}
	}
	lost, a.lost = a.lost, 0
	return begun, ended, lost
}

// write logs the viewings that have begun and those that have ended.
func (a *audit) write(now time.Time, all bool) {
	begun, ended, lost := a.due(now, all)
	for _, r := range begun {
		a.log.Info("viewing begins", append(r.args("view.begin"), "from", format(r.from))...)
	}
	for _, r := range ended {
		a.log.Info("viewing ended", append(r.args("view"),
			"from", format(r.from), "to", format(r.to), "pieces", r.pieces, "bytes", r.bytes)...)
	}
	if lost > 0 {
		a.log.Warn("viewings were not logged: too many at a time", "audit", "lost", "lines", lost)
	}
}

func (r record) args(event string) []any {
	args := []any{"audit", event, "user", r.user, "by", r.by}
	if r.proof != "" {
		args = append(args, "proof", r.proof)
	}
	return append(args, "role", r.role, logkey.Camera, r.camera, "format", r.output, "address", r.address)
}

func format(t time.Time) string { return t.UTC().Format(time.RFC3339) }
