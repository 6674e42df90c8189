package connlimit

import (
	"context"
	"net"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/bramble-cam/bramble/hub/internal/metrics"
)

// acceptBurst is how many connections are accepted without a pause, such as those of a page that requests a hundred
// pictures.
const acceptBurst = 100

// AcceptLimiter bounds new connections per second, so that a burst does not delay frames to existing viewers. Excess
// connections wait in the kernel's queue, in the order in which they came.
type AcceptLimiter struct {
	metrics.Group

	limit   *rate.Limiter
	delayed prometheus.Counter
}

// NewAcceptLimiter returns a limiter; 0 means no limit.
func NewAcceptLimiter(perSecond int) *AcceptLimiter {
	a := &AcceptLimiter{
		limit: rate.NewLimiter(rate.Inf, acceptBurst),
		delayed: metrics.NewCounter("connections_delayed_total",
			"New HTTP connections that waited because more came than max-connection-rate allows."),
	}
	a.Group = metrics.Group{a.delayed}
	a.SetRate(perSecond)
	return a
}

// SetRate sets how many connections are accepted per second; 0 means no limit.
func (a *AcceptLimiter) SetRate(perSecond int) {
	if perSecond > 0 {
		a.limit.SetLimit(rate.Limit(perSecond))
	} else {
		a.limit.SetLimit(rate.Inf)
	}
}

// Listener returns a listener whose connections the limiter bounds. No connection waits after ctx has ended.
func (a *AcceptLimiter) Listener(ctx context.Context, l net.Listener) net.Listener {
	return limitedListener{l, a, ctx}
}

// limitedListener lets other goroutines run between two connections. Without that, all connections of a burst are
// accepted in one go, and a frame waits behind their requests.
type limitedListener struct {
	net.Listener
	limiter *AcceptLimiter
	ctx     context.Context
}

// Accept implements net.Listener.
func (l limitedListener) Accept() (net.Conn, error) {
	runtime.Gosched()
	conn, err := l.Listener.Accept()
	if err != nil || l.limiter.limit.Allow() {
		return conn, err
	}
	l.limiter.delayed.Inc()
	_ = l.limiter.limit.Wait(l.ctx) // its error: the server stops
	return conn, nil
}
