package cluster

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/internal/testutil"
)

const (
	viewers = 200

	// maxAge is how old a picture may be that is new to a viewer. What is measured is printed; this leaves room for a
	// machine that runs other tests too, and is far from the age of a picture that was kept through an outage.
	maxAge = 3 * time.Second
)

// TestFailures stops a hub, kills another one and then NATS servers, cuts off an agent for a while, and adds a hub: all
// viewers are live again, and none is shown an old picture.
func TestFailures(t *testing.T) {
	testutil.System(t, "runs a cluster")
	t.Parallel()
	s := newFixture(t)
	a := newViewerGroup(s.root, viewers, []string{"porch", "garden", "shed"})
	t.Cleanup(a.close)
	a.report(t, "all come", a.settle(t, time.Now()))

	told := time.Now()
	if err := s.hubs[0].Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	testutil.Receive(t, "the end of the hub", ended(s.hubs[0].Process))
	moved := a.settle(t, told)
	a.report(t, "a hub is told to stop", moved)
	for _, v := range moved {
		if v.cut > 0 {
			t.Errorf("a viewer of %s was cut within a picture when the hub was told to stop", v.camera)
		}
	}
	s.hubs[0] = s.startHub(s.hubs[0].addr)
	s.waitReady(s.hubs[0])

	killed := time.Now()
	s.hubs[1].Kill()
	a.report(t, "a hub dies", a.settle(t, killed))

	killed = s.killNode(s.hubs[0].Process, "url=")
	a.report(t, "the NATS server of the hub dies", a.settle(t, killed))
	killed = s.killNode(s.agents["garden"], "url=")
	a.report(t, "the NATS server of an agent dies, unless that was it already", a.settle(t, killed))

	cut := time.Now()
	for _, l := range s.proxies {
		l.cut()
	}
	<-time.After(partitionTime(t))
	mended := time.Now()
	for _, l := range s.proxies {
		l.restore()
	}
	a.report(t, "an agent was cut off for "+mended.Sub(cut).Round(time.Second).String(), a.settle(t, mended))

	joined := a.joins()
	third := s.startHub(freeAddr(t))
	s.waitReady(third)
	more := newViewerGroup("http://"+third.addr, 3, []string{"porch", "garden", "shed"})
	t.Cleanup(more.close)
	more.report(t, "a hub is added", more.settle(t, time.Now()))
	a.report(t, "what the others see of it", a.settle(t, time.Now()))
	if n := a.joins(); n != joined {
		t.Errorf("%d viewers had to come back when a hub was added", n-joined)
	}
}

// ended turns the end of a program into a value.
func ended(p *proc.Process) <-chan struct{} {
	c := make(chan struct{}, 1)
	go func() {
		<-p.Ended()
		c <- struct{}{}
	}()
	return c
}

// settle waits until all viewers see pictures that were taken a while after event, and returns what they have seen
// since the last time.
func (a *viewerGroup) settle(t *testing.T, event time.Time) []observation {
	t.Helper()
	for _, v := range a.viewers {
		testutil.Eventually(t, "a viewer of "+v.camera+" is live", func() bool { return v.live(event.Add(time.Second)) })
	}
	list := make([]observation, len(a.viewers))
	for i, v := range a.viewers {
		list[i] = v.reset()
	}
	return list
}

// observation is what a viewer has seen in one part of the test.
type observation struct {
	camera string
	joined int
	gap    time.Duration // the longest time without a new picture
	oldest time.Duration // the greatest age of a picture that was new to the viewer
	stale  []string
	cut    int
	blank  int
}

func (v *viewer) reset() observation {
	v.mu.Lock()
	defer v.mu.Unlock()
	s := observation{v.camera, v.joined, v.gap, v.oldest, v.stale, v.cut, v.blank}
	v.joined, v.gap, v.oldest, v.stale, v.cut, v.blank = 0, 0, 0, nil, 0, 0
	return s
}

// report prints what viewers have seen of an event, and checks that none of it was old.
func (a *viewerGroup) report(t *testing.T, event string, list []observation) {
	t.Helper()
	var came, cut, blank int
	var oldest time.Duration
	gaps := make(map[string][]time.Duration)
	for _, s := range list {
		came, cut, blank, oldest = came+s.joined, cut+s.cut, blank+s.blank, max(oldest, s.oldest)
		gaps[s.camera] = append(gaps[s.camera], s.gap)
		for _, what := range s.stale {
			t.Errorf("%s: a viewer of %s was shown a picture that is %s", event, s.camera, what)
		}
		if s.oldest > maxAge {
			t.Errorf("%s: a viewer of %s was shown a picture as new that is %v old", event, s.camera, s.oldest)
		}
	}
	t.Logf("%s: %d responses began, %d ended within a picture, %d placeholders, oldest new picture %v", event, came, cut,
		blank, oldest.Round(time.Millisecond))
	for _, camera := range []string{"porch", "garden", "shed"} {
		g := gaps[camera]
		slices.Sort(g)
		if len(g) > 0 {
			t.Logf("    %-6s longest time without a new picture: median %v, most %v", camera,
				g[len(g)/2].Round(time.Millisecond), g[len(g)-1].Round(time.Millisecond))
		}
	}
}

// joins is how many responses have begun since the last report.
func (a *viewerGroup) joins() (n int) {
	for _, v := range a.viewers {
		v.mu.Lock()
		n += v.joined
		v.mu.Unlock()
	}
	return n
}
