package drop

import (
	"reflect"
	"sync"
	"testing"
)

// TestReasons pins the labels: they are in metrics, status documents and other people's dashboards.
func TestReasons(t *testing.T) {
	var got []string
	new(Counters).Each(func(r Reason, n uint64) {
		got = append(got, r.String())
		if n != 0 {
			t.Errorf("%s begins at %d", r, n)
		}
	})
	want := []string{
		"queue_head", "lagged", "gone", "oversize", "decode", "gap", "old_epoch", "no_key", "warmup", "driver",
		"flood", "dimensions", "boundary",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("reasons %q, want %q", got, want)
	}
	if got := Reason(200).String(); got != "unknown" {
		t.Errorf("a reason that is none is called %q", got)
	}
}

func TestCounters(t *testing.T) {
	var c Counters
	if m := c.Map(); len(m) != 0 {
		t.Errorf("new counters have %v", m)
	}
	c.Add(Gap, 0)
	c.Add(Reason(200), 5)
	var adding sync.WaitGroup
	for range 4 {
		adding.Go(func() {
			for range 100 {
				c.Add(Gone, 1)
				c.Add(Decode, 2)
			}
		})
	}
	adding.Wait()
	if got, want := c.Map(), (map[string]uint64{"gone": 400, "decode": 800}); !reflect.DeepEqual(got, want) {
		t.Errorf("counts %v, want %v", got, want)
	}
	if c.Get(Gone) != 400 || c.Get(Gap) != 0 {
		t.Errorf("gone %d, gap %d", c.Get(Gone), c.Get(Gap))
	}
}
