package cluster

import (
	"testing"
	"time"
)

// TestSee: what a viewer takes for old, and for new.
func TestSee(t *testing.T) {
	now := time.Now()
	v := &viewer{}
	for _, p := range []struct{ taken, came time.Duration }{{0, 1}, {2, 3}, {2, 4}, {1, 5}, {6, 9}} {
		// the third is shown again, the fourth is old
		v.record(now.Add(p.taken*time.Second), now.Add(p.came*time.Second))
	}
	v.record(time.Time{}, now)
	if s := v.reset(); len(s.stale) != 1 || s.oldest != 3*time.Second || s.gap != 6*time.Second || s.blank != 1 {
		t.Errorf("%+v", s)
	}
	if !v.live(now.Add(5*time.Second)) || v.live(now.Add(6*time.Second)) {
		t.Error("live is wrong")
	}
}
