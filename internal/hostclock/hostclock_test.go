package hostclock

import (
	"testing"
	"time"
)

// TestWall: the wall time of a moment ago is what the wall clock said then.
func TestWall(t *testing.T) {
	c := New()
	for range 3 {
		before, mono, after := time.Now(), Now(), time.Now()
		if got := c.Wall(mono); got.Before(before.Add(-time.Millisecond)) || got.After(after.Add(time.Millisecond)) {
			t.Errorf("%v is not between %v and %v", got, before, after)
		}
		if got, want := c.Wall(mono-time.Hour), c.Wall(mono).Add(-time.Hour); !got.Equal(want) {
			t.Errorf("an hour earlier is %v, want %v", got, want)
		}
	}
}

// TestNarrowest: a reading during which the goroutine was held up does not count.
func TestNarrowest(t *testing.T) {
	readings := []reading{{100, 5_000, 900}, {1_000, 6_010, 1_020}, {2_000, 9_000, 2_500}}
	c := &Clock{read: func() reading {
		r := readings[0]
		readings = readings[1:]
		return r
	}}
	c.measure()
	if c.offset != 5_000 {
		t.Errorf("offset %d, want 5000", c.offset)
	}
}

// TestFollows: the distance is measured again after a second, so that a step of the wall clock shows.
func TestFollows(t *testing.T) {
	wall := time.Duration(0)
	c := &Clock{read: func() reading { return reading{0, wall, 0} }}
	if got := c.Wall(5); got.UnixNano() != 5 {
		t.Fatalf("%d", got.UnixNano())
	}
	wall = time.Hour
	if got := c.Wall(5); got.UnixNano() != 5 {
		t.Errorf("measured again at once: %d", got.UnixNano())
	}
	c.at -= refresh
	if got := c.Wall(5); got.UnixNano() != int64(time.Hour)+5 {
		t.Errorf("the step does not show: %d", got.UnixNano())
	}
}

func TestError(t *testing.T) {
	if got := Error(); got < -1 {
		t.Errorf("error of %d µs", got)
	}
}

func BenchmarkWall(b *testing.B) {
	b.ReportAllocs()
	c := New()
	for b.Loop() {
		c.Wall(0)
	}
}
