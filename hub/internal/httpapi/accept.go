package httpapi

import (
	"context"
	"net"
	"runtime"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// atOnce is how many connections are taken without a pause, such as those of a page that asks for a hundred stills.
const atOnce = 100

// arrivals is how fast connections are taken: what a rush of newcomers costs must not hold up those who watch. Those who come faster wait in the kernel's queue, in
// the order in which they came.
type arrivals struct {
	limit   *rate.Limiter
	delayed atomic.Uint64 // connections that waited
}

func newArrivals(perSecond int) *arrivals {
	a := &arrivals{limit: rate.NewLimiter(rate.Inf, atOnce)}
	a.change(perSecond)
	return a
}

// change sets how many are taken a second; 0 means no limit.
func (a *arrivals) change(perSecond int) {
	if perSecond > 0 {
		a.limit.SetLimit(rate.Limit(perSecond))
	} else {
		a.limit.SetLimit(rate.Inf)
	}
}

// politeListener lets others run between two connections. Without it all who come at once are accepted in one go, and a frame has to wait behind the requests of
// hundreds before its viewers get it.
type politeListener struct {
	net.Listener
	arrivals *arrivals
	ending   context.Context // ends when nobody has to wait any more
}

// Accept implements net.Listener.
func (l politeListener) Accept() (net.Conn, error) {
	runtime.Gosched()
	conn, err := l.Listener.Accept()
	if err != nil || l.arrivals.limit.Allow() {
		return conn, err
	}
	l.arrivals.delayed.Add(1)
	_ = l.arrivals.limit.Wait(l.ending) // its error: the server stops
	return conn, nil
}
