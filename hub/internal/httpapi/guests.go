package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/netutil"
)

// Limits bound how many viewers there may be at a time, and how fast they come; 0 means no limit. A WebSocket counts as one, and so does each of its slots.
type Limits struct {
	Viewers    int // in all
	PerAddress int // from a client's address; viewers on this host are exempt
	PerCamera  int
	Rate       int // new connections of HTTP in a second; more wait
}

// The kinds of limits, as the metric names them.
const (
	limitAll     = "all"
	limitAddress = "address"
	limitCamera  = "camera"
	limitWaiting = "waiting" // connections that have not said what they want
	limitIdle    = "idle"    // connections between two requests
)

// Why the hub ends a viewer's stream, as the metric names it.
const (
	evictedRevoked = "revoked" // errEnded
	evictedFault   = "fault"   // a panic
	evictedShare   = "share"   // their transcode gave way: transcode.Totals.Preempted
)

// errEnded says that somebody who was let in may stay no longer.
var errEnded error = problem.Kind{
	Text: "your session, token or link has ended, or what you may see has changed", Title: "Ended",
	Status: http.StatusForbidden,
}

// limitError says that there are too many viewers.
type limitError struct {
	limit string
	text  string
}

func (e *limitError) Error() string { return e.text }

// Problem implements problem.Describer.
func (e *limitError) Problem() problem.Problem {
	status := http.StatusServiceUnavailable
	if e.limit == limitAddress {
		status = http.StatusTooManyRequests
	}
	return problem.Problem{Title: "Too many viewers", Status: status, RetryAfter: problem.RetrySeconds}
}

// guests are all who look at something now. They are looked after when the credentials change, and once a second.
type guests struct {
	again  func(access.Principal, time.Time) (access.Principal, bool) // nil: everybody may stay
	log    *slog.Logger
	seldom *loglimit.Limiter

	evicted  *tally // by reason
	viewings *viewings

	mu        sync.Mutex
	limits    Limits
	all       map[*guest]struct{}
	byAddress map[string]int
	byCamera  map[string]int
	refused   map[string]uint64 // by limit

	stalled atomic.Uint64 // those who were given up since they did not read
}

// guest is somebody who looks at a camera, or has a WebSocket: then camera and format are "".
type guest struct {
	ctx            context.Context // ends when he has to leave, with errEnded as its cause, or when the hub stops
	over           context.Context // above ctx
	end            context.CancelCauseFunc
	address        string
	camera, format string
	since          time.Time
	bytes          atomic.Int64 // of pictures that were sent
	viewing        *view        // guarded by viewings.mu
	taken          bool         // by work that continues after the request's handler has returned

	mu sync.Mutex
	p  access.Principal
}

// principal returns who it is, with what he may do now.
func (g *guest) principal() access.Principal {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.p
}

func newGuests(limits Limits, log *slog.Logger) *guests {
	return &guests{
		limits: limits, log: log, seldom: loglimit.New(loglimit.Notices()),
		evicted: newTally(evictedRevoked, evictedFault), viewings: newViewings(log),
		all: make(map[*guest]struct{}), byAddress: make(map[string]int), byCamera: make(map[string]int), refused: make(map[string]uint64),
	}
}

// enter lets somebody in, unless there are too many. Call leave.
func (l *guests) enter(ctx context.Context, p access.Principal, address, camera, format string) (*guest, error) {
	g := &guest{over: ctx, address: address, camera: camera, format: format, since: time.Now(), p: p}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.roomLocked(g); err != nil {
		return nil, err
	}
	g.ctx, g.end = context.WithCancelCause(ctx)
	l.all[g] = struct{}{}
	l.byAddress[netutil.AddressKey(address)]++
	l.byCamera[camera]++
	return g, nil
}

// roomLocked refuses one too many, counts that and, once a minute, logs it.
func (l *guests) roomLocked(g *guest) error {
	var err *limitError
	switch m := l.limits; {
	case m.Viewers > 0 && len(l.all) >= m.Viewers:
		err = &limitError{limitAll, fmt.Sprintf("there are %d viewers already, as many as --max-viewers allows", m.Viewers)}
	case m.PerAddress > 0 && !netutil.IsLoopback(g.address) && l.byAddress[netutil.AddressKey(g.address)] >= m.PerAddress:
		err = &limitError{limitAddress, fmt.Sprintf("there are %d viewers from your address already, as many as --max-viewers-per-address allows", m.PerAddress)}
	case m.PerCamera > 0 && g.camera != "" && l.byCamera[g.camera] >= m.PerCamera:
		err = &limitError{limitCamera, fmt.Sprintf("camera %s has %d viewers already, as many as --max-viewers-per-camera allows", g.camera, m.PerCamera)}
	default:
		return nil
	}
	l.refuseLocked(err.limit, g.address)
	return err
}

// change puts other limits in force, for those who come.
func (l *guests) change(to Limits) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.limits = to
}

// refuse counts somebody who is one too many.
func (l *guests) refuse(limit, address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuseLocked(limit, address)
}

func (l *guests) refuseLocked(limit, address string) {
	l.refused[limit]++
	if ok, kept := l.seldom.Allow(limit, time.Now()); ok {
		l.log.Warn("turned away: too many viewers", "limit", limit, "address", address, "kept_back", kept)
	}
}

// leave forgets somebody.
func (l *guests) leave(g *guest) {
	g.end(nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.all[g]; !ok {
		return
	}
	l.viewings.end(g, time.Now())
	delete(l.all, g)
	less(l.byAddress, netutil.AddressKey(g.address))
	less(l.byCamera, g.camera)
}

func less(counts map[string]int, key string) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}

// look asks for each whether he may stay, and ends what he looks at if not.
func (l *guests) look() {
	l.mu.Lock()
	list := make([]*guest, 0, len(l.all))
	for g := range l.all {
		list = append(list, g)
		if g.camera != "" && g.bytes.Load() > 0 {
			l.viewings.begin(g)
		}
	}
	l.mu.Unlock()
	now := time.Now()
	l.viewings.tell(now, false)
	if l.again == nil {
		return
	}
	for _, g := range list {
		was := g.principal()
		p, ok := l.again(was, now)
		if ok && (g.camera == "" || p.CanViewFormat(g.camera, g.format)) {
			g.mu.Lock()
			g.p = p
			g.mu.Unlock()
			continue
		}
		if g.ctx.Err() == nil {
			l.evicted.add(evictedRevoked)
			l.log.Info("viewer disconnected: access revoked", "audit", "ended", "user", was.Name, logkey.Camera, g.camera, "address", g.address)
		}
		g.end(errEnded)
	}
}

// run looks after the guests until ctx ends. changed has a token when credentials have changed.
func (l *guests) run(ctx context.Context, changed <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-tick.C:
		}
		l.look()
	}
}

// gone counts somebody whose connection ended with err if it was the hub that gave him up, since a write took longer than it may.
func (l *guests) gone(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		l.stalled.Add(1)
	}
}

// refusals returns how many were turned away, by limit.
func (l *guests) refusals() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]uint64{limitAll: 0, limitAddress: 0, limitCamera: 0, limitWaiting: 0, limitIdle: 0}
	for limit, n := range l.refused {
		all[limit] = n
	}
	return all
}

// watched is a camera in the format of an extension.
type watched struct{ camera, format string }

// byFormat returns how many viewers there are of each camera in each format.
func (l *guests) byFormat() map[watched]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[watched]int)
	for g := range l.all {
		all[watched{g.camera, g.format}]++
	}
	return all
}
