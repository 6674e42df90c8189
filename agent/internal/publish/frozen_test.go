package publish

import (
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// freezer stands between the publisher and its server. Frozen, it takes in nothing more, as a server does whose
// process was stopped: what the publisher sends stays in the kernel, and comes out when it thaws.
type freezer struct {
	addr string
	mu   sync.Mutex // held while frozen
}

func startFreezer(t *testing.T, server string) *freezer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &freezer{addr: l.Addr().String()}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // the test ends
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				t.Error(err)
				return
			}
			running.Go(func() { f.pass(client, upstream) })
			running.Go(func() { f.pass(upstream, client) })
		}
	})
	t.Cleanup(running.Wait)
	t.Cleanup(func() { _ = l.Close() })
	return f
}

// pass passes bytes on until either side ends.
func (f *freezer) pass(from, to net.Conn) {
	defer func() { _, _ = from.Close(), to.Close() }() // ends the other direction too
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		f.mu.Lock()
		if err == nil {
			_, err = to.Write(buf[:n])
		}
		f.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// TestFrozenServer: what is delivered after the server has thawed is new, but for what was on its way when it froze.
func TestFrozenServer(t *testing.T) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			s := testutil.StartServer(t, server.Options{})
			_, got := subscribe(t, testutil.Connect(t, s.ClientURL()), "cam.porch."+string(format))
			f := startFreezer(t, s.Addr().String())
			r := startFixture(t, "nats://"+f.addr, format, time.Minute)
			for range 20 {
				nextFrame(t, format, got)
			}
			f.mu.Lock()
			frozen := r.last.Load()
			testutil.Eventually(t, "frames are captured while the server is frozen",
				func() bool { return r.last.Load() > frozen+100 })
			for len(got) > 0 {
				<-got
			}
			thawed := r.last.Load()
			f.mu.Unlock()

			dec := decoder{t: t}
			leftOver := 0
			for n := nextFrame(t, format, got); n.Seq < thawed+2*gop; n = nextFrame(t, format, got) {
				if n.Seq+uint64(2*resumeAge/interval) < thawed {
					leftOver++
				}
				dec.show(&n)
			}
			if leftOver > 4 {
				t.Errorf("%d frames of the %d captured while the server was frozen were delivered", leftOver, thawed-frozen)
			}
			if lost := r.drops.Get(drop.QueueHead) + r.drops.Get(drop.Lagged); lost < 90 {
				t.Errorf("only %d frames are counted as dropped", lost)
			}
		})
	}
}
