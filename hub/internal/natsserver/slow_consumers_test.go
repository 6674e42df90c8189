package natsserver

import (
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// stalledConn dials connections that stop reading when stall is set, until stop is closed.
type stalledConn struct {
	stall atomic.Bool
	stop  chan struct{}
}

func (d *stalledConn) Dial(network, address string) (net.Conn, error) {
	c, err := net.Dial(network, address)
	return &stallingConn{c, d}, err
}

type stallingConn struct {
	net.Conn
	d *stalledConn
}

func (c *stallingConn) Read(p []byte) (int, error) {
	if c.d.stall.Load() {
		<-c.d.stop
	}
	return c.Conn.Read(p)
}

func TestLag(t *testing.T) {
	begin := time.Unix(1_000_000, 0)
	type look struct {
		ms           int
		out, pending int64
		want         bool
	}
	for name, looks := range map[string][]look{
		"keeps up": {{0, 0, 0, false}, {500, 1000, 0, false}, {1000, 2000, 0, false}, {1500, 3000, 0, false}},
		"a large frame": {{0, 0, 0, false}, {1000, 8_000_000, 8_000_000, false}, {1250, 8_000_000, 4_000_000, false},
			{1500, 8_000_000, 0, false}},
		"always a little": {{0, 100, 50, false}, {500, 1100, 50, false}, {1000, 2100, 50, false},
			{1500, 3100, 50, false}, {2000, 4100, 50, false}}, "does not read": {{0, 100, 50, false}, {500, 1100, 1050, false},
			{1000, 2100, 2050, true}},
		"reads at half rate": {{0, 0, 0, false}, {500, 1000, 500, false}, {1000, 2000, 1000, false},
			{1500, 3000, 1500, false}, {2000, 4000, 2000, false}, {2500, 5000, 2500, true}},
		"silent with a rest":    {{0, 100, 50, false}, {1000, 100, 50, true}},
		"too early to know":     {{0, 5000, 4000, false}, {999, 5000, 4000, false}},
		"looked at after hours": {{0, 0, 0, false}, {3_600_000, 5000, 4000, false}, {3_601_000, 9000, 3000, false}},
	} {
		l := &pendingAge{}
		for _, at := range looks {
			if got := l.exceeds(time.Second, begin.Add(time.Duration(at.ms)*time.Millisecond), at.out,
				at.pending); got != at.want {
				t.Errorf("%s: after %d ms %v, want %v", name, at.ms, got, at.want)
			}
		}
		if len(l.samples) > 8 {
			t.Errorf("%s: %d samples are kept", name, len(l.samples))
		}
	}
}
