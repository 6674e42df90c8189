package httpapi

import (
	"log/slog"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/internal/logkey"
)

const (
	// viewingGap is how long after the end of a viewing the same viewer may resume it. Pictures requested one by one
	// thus form one viewing.
	viewingGap = 30 * time.Second

	// maxPieces bounds the duration of a viewing made of pieces. The next piece begins another one.
	maxPieces = time.Hour

	// maxViewings bounds the viewings that are tracked at a time.
	maxViewings = 8192
)

// viewings writes one audit line when a viewing begins and one when it ends: principal, camera, start and end. Only run
// logs, so that no viewer waits for the log.
type viewings struct {
	log *slog.Logger

	mu   sync.Mutex
	open map[viewingKey]*view // guarded by mu
	lost int                  // viewings beyond maxViewings; guarded by mu
}

// viewingKey identifies a viewing: the principal and its proof, the camera and format, and the address.
type viewingKey struct {
	user, by, proof, camera, format, address string
}

// view is a viewing in progress, or one that has just ended.
type view struct {
	role      access.Role
	from, to  time.Time
	active    int // pieces in progress
	pieces    int
	bytes     int64
	announced bool // the line of its beginning was logged
}

func newViewings(log *slog.Logger) *viewings {
	return &viewings{log: log, open: make(map[viewingKey]*view)}
}

func keyOf(g *guest) (k viewingKey, role access.Role) {
	p := g.principal()
	return viewingKey{p.Name, p.Method, p.Proof(), g.camera, g.format, g.address}, p.Role
}

// begin records that a viewer starts to receive pictures.
func (l *viewings) begin(g *guest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beginLocked(g)
}

func (l *viewings) beginLocked(g *guest) {
	if g.viewing != nil {
		return
	}
	k, role := keyOf(g)
	v := l.open[k]
	if v == nil {
		if len(l.open) >= maxViewings {
			l.lost++
			return
		}
		v = &view{role: role, from: g.since}
		l.open[k] = v
	}
	v.active++
	v.pieces++
	g.viewing = v
}

// end records that a viewer has left. A viewer who received nothing has seen nothing.
func (l *viewings) end(g *guest, now time.Time) {
	sent := g.bytes.Load()
	if sent == 0 || g.camera == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.beginLocked(g)
	if v := g.viewing; v != nil {
		v.active--
		v.bytes += sent
		v.to = now
	}
}

// viewed is a viewing as it is logged.
type viewed struct {
	viewingKey
	view
}

// due returns the viewings that have begun, and removes those that have ended from the list. With all set, every
// viewing ends now.
func (l *viewings) due(now time.Time, all bool) (begun, ended []viewed, lost int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, v := range l.open {
		if !v.announced {
			v.announced = true
			begun = append(begun, viewed{k, *v})
		}
		if over := v.active == 0 && (now.Sub(v.to) >= viewingGap || now.Sub(v.from) >= maxPieces); over || all {
			if v.active > 0 {
				v.to = now
			}
			ended = append(ended, viewed{k, *v})
			delete(l.open, k)
		}
	}
	lost, l.lost = l.lost, 0
	return begun, ended, lost
}

// tell logs the viewings that have begun and those that have ended.
func (l *viewings) tell(now time.Time, all bool) {
	begun, ended, lost := l.due(now, all)
	for _, v := range begun {
		l.log.Info("viewing begins", append(v.args("view.begin"), "from", timeOf(v.from))...)
	}
	for _, v := range ended {
		l.log.Info("viewing ended", append(v.args("view"),
			"from", timeOf(v.from), "to", timeOf(v.to), "pieces", v.pieces, "bytes", v.bytes)...)
	}
	if lost > 0 {
		l.log.Warn("viewings were not logged: too many at a time", "audit", "lost", "lines", lost)
	}
}

func (v viewed) args(event string) []any {
	args := []any{"audit", event, "user", v.user, "by", v.by}
	if v.proof != "" {
		args = append(args, "proof", v.proof)
	}
	return append(args, "role", v.role, logkey.Camera, v.camera, "format", v.format, "address", v.address)
}

func timeOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }
