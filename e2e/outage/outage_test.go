package outage

import (
	"syscall"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

const (
	outage = 10 * time.Second
	fps    = 30

	// maxPeak is what an agent may occupy, whatever happens.
	maxPeak = 20 << 20

	// maxAge is how old a frame may be that arrives after the outage. The goal is 200 ms, and what is measured is printed;
	// this leaves room for a machine that runs other tests too, and is far from the age of a frame that was kept through
	// the outage.
	maxAge = 2 * time.Second

	// maxLeftOver is how many frames may have been on their way to a server when it froze. They cannot be recalled.
	maxLeftOver = 2
)

// TestOutages freezes NATS servers, so that their sockets stay open and nothing is read from them any longer, and kills
// others, all at once.
func TestOutages(t *testing.T) {
	testutil.System(t, "waits for outages")
	t.Parallel()
	clips := map[frame.Format]string{frame.JPEG: makeJPEG(t), frame.H264: makeH264(t)}
	var stages []*fixture
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		frozen := newFixture(t, "frozen "+string(format), format, clips[format])
		frozen.begin, frozen.end = func() { frozen.signal(syscall.SIGSTOP) }, func() { frozen.signal(syscall.SIGCONT) }
		frozen.maxLeftOver = maxLeftOver
		killed := newFixture(t, "killed "+string(format), format, clips[format])
		killed.begin, killed.end = func() { killed.nats.Kill() }, killed.startNATS
		stages = append(stages, frozen, killed)
	}
	for _, s := range stages {
		testutil.Eventually(t, "frames flow", func() bool { return len(s.since(time.Time{})) >= 2*fps })
		s.last = s.status(t)
	}
	for _, s := range stages {
		s.down = time.Now()
		s.begin()
	}
	<-time.After(outage)
	for _, s := range stages {
		s.up = time.Now()
		s.end()
	}
	for _, s := range stages {
		t.Run(s.name, s.check)
	}
}

// check checks what the outage did to the agent, and what is delivered after it.
func (s *fixture) check(t *testing.T) {
	testutil.Eventually(t, "frames flow again", func() bool {
		list := s.since(s.up)
		return len(list) > 0 && list[len(list)-1].CaptureTime.After(s.up.Add(time.Second))
	})
	s.checkArrivals(t)
	s.checkAccount(t)
	m, err := s.agent.Memory()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("agent: RSS %.1f MB, at most %.1f MB", float64(m.RSS)/1e6, float64(m.Peak)/1e6)
	if m.Peak >= maxPeak {
		t.Errorf("the agent occupied %d bytes at most, want less than %d", m.Peak, maxPeak)
	}
}

// checkArrivals checks what arrived after the outage.
func (s *fixture) checkArrivals(t *testing.T) {
	var fresh []arrival
	old := 0
	for _, a := range s.since(s.up) {
		switch {
		case a.age() < maxAge:
			fresh = append(fresh, a)
		case a.CaptureTime.Before(s.down.Add(maxAge)) && len(fresh) == 0:
			old++
			t.Logf("left over: frame %d, captured %v after the server froze", a.Seq, a.CaptureTime.Sub(s.down))
		default:
			t.Errorf("frame %d arrived %v old, %v after the outage", a.Seq, a.age(), a.at.Sub(s.up))
		}
	}
	if old > s.maxLeftOver {
		t.Errorf("%d frames of before the outage arrived after it, at most %d may", old, s.maxLeftOver)
	}
	first := fresh[0] // there is one: the outage was waited for to end
	t.Logf("first frame after the outage: %v old, captured %v after the server's return", first.age(),
		first.CaptureTime.Sub(s.up))
	if !first.Decodable() {
		t.Errorf("the first frame after the outage, %d, does not decode alone", first.Seq)
	}
	if captured := int64(first.Seq) - int64(s.last.Frames); first.Epoch != s.last.Epoch ||
		captured < int64(outage.Seconds()*fps/2) {
		t.Errorf("during the outage only %d frames were captured, in epochs %d and %d: the camera must run on", captured,
			s.last.Epoch, first.Epoch)
	}
}

// checkAccount checks that every frame that was captured was either sent or counted as dropped, but for the few that
// wait.
func (s *fixture) checkAccount(t *testing.T) {
	st := s.status(t)
	t.Logf("%d frames captured, %d sent, dropped: %v", st.Frames, st.Sent, st.Drops)
	lost := int64(st.Frames) - int64(st.Sent)
	for _, n := range st.Drops {
		lost -= int64(n)
	}
	if lost < -fps || lost > fps {
		t.Errorf("of %d frames %d were sent and %v dropped: %d are not accounted for", st.Frames, st.Sent, st.Drops, lost)
	}
}
