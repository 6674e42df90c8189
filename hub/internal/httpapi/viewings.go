package httpapi

import (
	"log/slog"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/shared/logkey"
)

const (
	// viewingGap is how long after the end of a viewing the same viewer may go on with it. Pictures that are asked
	// for one by one are one viewing so.
	viewingGap = 30 * time.Second

	// maxPieces is how long a viewing may be that is made of pieces. The next piece begins another one.
	maxPieces = time.Hour

	// maxViewings bounds the viewings that are kept at a time.
	maxViewings = 8192
)

// viewings keeps an audit line of the beginning and one of the end of each viewing: who, which camera, from when to
// when. It logs in run only, so that no viewer waits for the log.
type viewings struct {
	log *slog.Logger

	mu   sync.Mutex
	open map[viewingKey]*view // guarded by mu
	lost int                  // that there was no room for; guarded by mu
}

// viewingKey is what makes two viewings the same: who by which proof, what, and from where.
type viewingKey struct {
	user, by, proof, camera, format, address string
}

// view is a viewing that goes on, or has ended just now.
type view struct {
	role      access.Role
	from, to  time.Time
	active    int // pieces that go on
	pieces    int
	bytes     int64
	announced bool // the line of its beginning is logged
}

func newViewings(log *slog.Logger) *viewings {
	return &viewings{log: log, open: make(map[viewingKey]*view)}
}

func keyOf(g *guest) (k viewingKey, role access.Role) {
	p := g.principal()
	return viewingKey{p.Name, p.By, p.Proof(), g.camera, g.format, g.address}, p.Role
}

// begin takes in that pictures are sent to a viewer.
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

// end takes in that a viewer has gone. One that was sent nothing has seen nothing.
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

// due returns the viewings that have begun, and takes those that have ended out of the list. With all they end now.
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

// tell logs what has begun and what has ended.
func (l *viewings) tell(now time.Time, all bool) {
	begun, ended, lost := l.due(now, all)
	for _, v := range begun {
		l.log.Info("viewing begins", append(v.args("view.begin"), "from", timeOf(v.from))...)
	}
	for _, v := range ended {
		l.log.Info("viewing ended", append(v.args("view"), "from", timeOf(v.from), "to", timeOf(v.to), "pieces", v.pieces, "bytes", v.bytes)...)
	}
	if lost > 0 {
		l.log.Warn("viewings were not logged: too many go on at a time", "audit", "lost", "lines", lost)
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
