package loglimit

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counter counts what is logged.
type counter struct {
	bytes, lines int
	text         bytes.Buffer // the last lines
}

func (c *counter) Write(p []byte) (int, error) {
	c.bytes, c.lines = c.bytes+len(p), c.lines+1
	if c.text.Len() > 1<<20 {
		c.text.Reset()
	}
	return c.text.Write(p)
}

// Each key has its burst and then a line for each interval. The number of suppressed lines is reported once.
func TestKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Keys: 10, Burst: 3, Interval: time.Minute})
		logged, told := map[string]int{}, 0
		for range 150 {
			for _, key := range []string{"a", "b"} {
				if ok, n := l.Allow(key, time.Now()); ok {
					logged[key]++
					told += n
				}
			}
			<-time.After(time.Second)
		}
		if logged["a"] != 5 || logged["b"] != 5 || told != 2*(120-5+1) {
			t.Errorf("logged %v, told %d", logged, told)
		}
	})
}

// The least recently used key is forgotten, but the number of its suppressed lines is not.
func TestForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Config{Keys: 2, Burst: 1, Interval: time.Minute})
		now := time.Now()
		for _, step := range []struct {
			key string
			ok  bool
		}{{"a", true}, {"a", false}, {"b", true}, {"b", false}, {"a", false}, {"c", true}, {"a", false}, {"b", true},
			{"c", true}} {
			if ok, _ := l.Allow(step.key, now); ok != step.ok {
				t.Errorf("%s: %v", step.key, ok)
			}
		}
		most, rest, keys := l.suppressed(1)
		if len(most) != 0 || rest != 4 || keys != 0 || len(l.keys) != 2 {
			t.Errorf("%v, %d, %d", most, rest, keys)
		}
	})
}

// A day of attacks from any number of addresses makes a few megabytes of log.
// One address makes far less, and hides no other.
func TestManyKeys(t *testing.T) {
	for name, test := range map[string]struct {
		from     func(i int) string
		most     int // bytes
		hidesAll bool
	}{
		"one":          {func(int) string { return "203.0.113.7" }, 1 << 20, false},
		"a few":        {func(i int) string { return fmt.Sprint("203.0.113.", i%100) }, 4 << 20, true},
		"new ones all": {func(i int) string { return fmt.Sprintf("2001:db8:%x:%x::/64", i>>16, i&0xffff) }, 4 << 20, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				said := &counter{}
				log := slog.New(slog.NewTextHandler(said, nil))
				l := New(Refusals(log, "refusals were not logged"))
				stop := testutil.Run(t, l.Run)
				for i := range 24 * 3600 * 2 {
					if ok, n := l.Allow(test.from(i), time.Now()); ok {
						log.Warn("refused", "audit", "refused", "by", "password", "name", strings.Repeat("x", 64), "address",
							test.from(i), "reason", strings.Repeat("y", 80), "kept_back", n)
					}
					<-time.After(time.Second / 2)
				}
				if ok, _ := l.Allow("10.77.77.77", time.Now()); !ok && !test.hidesAll {
					t.Error("another client is hidden")
				}
				stop()
				t.Logf("%d lines, %d bytes", said.lines, said.bytes)
				if said.bytes > test.most || said.lines > 13_500 || !strings.Contains(said.text.String(), "audit=suppressed") {
					t.Errorf("%d lines, %d bytes", said.lines, said.bytes)
				}
			})
		})
	}
}

// Suppressed lines are reported each minute: by key, and those of further keys together.
func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := &counter{}
		l := New(Refusals(slog.New(slog.NewTextHandler(said, nil)), "refusals were not logged"))
		testutil.Run(t, l.Run)
		for i := range 10 {
			for range 5 + 10*i {
				l.Allow(fmt.Sprint("192.0.2.", i), time.Now())
			}
		}
		<-time.After(reportInterval)
		synctest.Wait()
		for text, want := range map[string]int{
			"refusals were not logged": 5, "audit=suppressed": 5, "address=192.0.2.9 lines=90": 1,
			"address=192.0.2.6 lines=60": 1,
			"others=5 lines=150":         1, "192.0.2.0": 0,
		} {
			if n := strings.Count(said.text.String(), text); n != want {
				t.Errorf("%q is said %d times in %s", text, n, said.text.String())
			}
		}
		lines := said.lines
		<-time.After(10 * reportInterval)
		synctest.Wait()
		if said.lines != lines {
			t.Errorf("said again: %s", said.text.String())
		}
	})
}
