// Package viewers knows who views what now: it admits viewers, limits and counts them, disconnects those whose access
// ends, and writes the audit lines of viewings.
//
// It is neutral to protocols: a viewer need not own a connection, and need not be HTTP's. What a viewer is sent, and
// whether a principal may view a camera in the first place, does not belong here.
package viewers

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/netutil"
)

// revalidateInterval is how often the access of all viewers is checked, besides after a change of credentials.
const revalidateInterval = time.Second

// Config is what a Tracker needs.
type Config struct {
	Limits Limits

	// Revalidate returns what a principal may do now. It reports false if the principal's access has ended. nil means
	// that access never changes.
	Revalidate func(auth.Principal, time.Time) (auth.Principal, bool)

	// For the metrics.
	Cameras   func() []string // ids of all cameras; nil means none
	Outputs   []string        // names of all outputs
	Preempted func() uint64   // viewers whose transcode was stopped in favor of others; nil means none

	Log *slog.Logger
}

// Client is who views, and from where.
type Client struct {
	Principal auth.Principal
	Address   string // without port
}

// Tracker holds the viewers of a hub.
type Tracker struct {
	metrics.Group // of what is counted here

	cfg      Config
	changed  chan struct{} // holds a token when credentials have changed
	warnings *loglimit.Limiter
	audit    *audit
	rejected *prometheus.CounterVec // by limit
	evicted  *prometheus.CounterVec // by reason
	timeouts prometheus.Counter

	mu         sync.Mutex
	limits     Limits
	all        map[*Viewer]struct{}
	perAddress map[string]int
	perCamera  map[string]int
}

// Viewer is a client that views a camera in one output, or that has a WebSocket: then camera and output are "".
type Viewer struct {
	ctx            context.Context // ends when the viewer must leave
	parent         context.Context // of ctx
	cancel         context.CancelCauseFunc
	address        string
	camera, output string
	since          time.Time
	bytes          atomic.Int64 // of frames that were sent
	viewing        *viewing     // guarded by audit.mu

	mu        sync.Mutex
	principal auth.Principal
}

// New returns a Tracker without viewers. It starts nothing.
func New(cfg Config) *Tracker {
	t := &Tracker{
		cfg: cfg, changed: make(chan struct{}, 1), warnings: loglimit.New(loglimit.Notices()), audit: newAudit(cfg.Log),
		limits: cfg.Limits, all: make(map[*Viewer]struct{}),
		perAddress: make(map[string]int), perCamera: make(map[string]int),
	}
	t.makeMetrics()
	return t
}

// Add admits a viewer until ctx ends, unless there are too many: then the error is a *LimitError. Call Remove.
func (t *Tracker) Add(ctx context.Context, c Client, camera, output string) (*Viewer, error) {
	v := &Viewer{
		parent: ctx, address: c.Address, camera: camera, output: output, since: time.Now(), principal: c.Principal,
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.admitLocked(v); err != nil {
		return nil, err
	}
	v.ctx, v.cancel = context.WithCancelCause(ctx)
	t.all[v] = struct{}{}
	t.perAddress[netutil.AddressKey(c.Address)]++
	t.perCamera[camera]++
	return v, nil
}

// Remove forgets a viewer that has left, and ends its context. A second call does nothing.
func (t *Tracker) Remove(v *Viewer) {
	v.cancel(nil)
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.all[v]; !ok {
		return
	}
	t.audit.end(v, time.Now())
	delete(t.all, v)
	decrement(t.perAddress, netutil.AddressKey(v.address))
	decrement(t.perCamera, v.camera)
}

func decrement(counts map[string]int, key string) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}

// Len returns the number of viewers.
func (t *Tracker) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.all)
}

// WithParent returns the viewers that were added with ctx, in no order. Slots of a WebSocket have its context.
func (t *Tracker) WithParent(ctx context.Context) []*Viewer {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []*Viewer
	for v := range t.all {
		if v.parent == ctx {
			list = append(list, v)
		}
	}
	return list
}

// CredentialsChanged makes Run revalidate all viewers at once. It does not wait.
func (t *Tracker) CredentialsChanged() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// Run revalidates the viewers regularly, and after each change of credentials, until ctx ends.
func (t *Tracker) Run(ctx context.Context) error {
	tick := time.NewTicker(revalidateInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.changed:
		case <-tick.C:
		}
		t.Revalidate()
	}
}

// Revalidate disconnects the viewers whose access has ended, and logs the viewings that have begun or ended.
func (t *Tracker) Revalidate() {
	t.mu.Lock()
	list := make([]*Viewer, 0, len(t.all))
	for v := range t.all {
		list = append(list, v)
		if v.camera != "" && v.bytes.Load() > 0 {
			t.audit.begin(v)
		}
	}
	t.mu.Unlock()
	now := time.Now()
	t.audit.write(now, false)
	if t.cfg.Revalidate == nil {
		return
	}
	for _, v := range list {
		before := v.Principal()
		p, ok := t.cfg.Revalidate(before, now)
		if ok && (v.camera == "" || p.CanViewFormat(v.camera, v.output)) {
			v.mu.Lock()
			v.principal = p
			v.mu.Unlock()
			continue
		}
		if v.ctx.Err() == nil {
			t.evicted.WithLabelValues(evictedRevoked).Inc()
			t.cfg.Log.Info("viewer disconnected: access revoked",
				"audit", "ended", "user", before.Name, logkey.Camera, v.camera, "address", v.address)
		}
		v.Disconnect(ErrRevoked)
	}
}

// EndAudit ends all viewings and logs them. Call it once, when the last viewer has left.
func (t *Tracker) EndAudit() { t.audit.write(time.Now(), true) }

// Context returns the context of what the viewer is sent. It ends when the viewer must leave: with ErrRevoked as its
// cause, or when the context that Add was given ends.
func (v *Viewer) Context() context.Context { return v.ctx }

// Principal returns who the viewer is, with its present permissions.
func (v *Viewer) Principal() auth.Principal {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.principal
}

// Address returns where the viewer is, without port.
func (v *Viewer) Address() string { return v.address }

// Camera returns the id of the camera, or "".
func (v *Viewer) Camera() string { return v.camera }

// Output returns the name of the output, or "".
func (v *Viewer) Output() string { return v.output }

// Sent counts the bytes of frames that the viewer is sent. A viewer that was sent nothing has viewed nothing.
func (v *Viewer) Sent() *atomic.Int64 { return &v.bytes }

// Disconnect ends the viewer's context for a reason.
func (v *Viewer) Disconnect(reason error) { v.cancel(reason) }
