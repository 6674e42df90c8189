//go:build linux

package harness

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// Usage is what a server has used in a span of time, and what else happened then.
type Usage struct {
	proc.Memory
	CPU    time.Duration
	Allocs float64 // objects on the heap, as a hub's metrics tell; NaN of others
	Took   time.Duration
	Broker BrokerUsage
	Noise  Noise
}

// Measure begins to measure what the server uses; the returned function ends that. ours are further processes that are
// no noise.
func (s *Server) Measure(ctx context.Context, ours ...*proc.Process) (end func() (Usage, error), err error) {
	allocs, own, err := s.allocs(ctx) // first, so that its cost is not measured
	if err != nil {
		return nil, err
	}
	if ours = append(ours, s.Proc); s.broker != nil {
		ours = append(ours, s.broker)
	}
	noise, err := MeasureNoise(ours...)
	if err != nil {
		return nil, err
	}
	broker, err := s.measureBroker()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	cpu, err := s.Proc.CPU()
	if err != nil {
		return nil, err
	}
	return func() (u Usage, err error) {
		if err := s.Check(); err != nil {
			return u, err
		}
		if u.CPU, err = s.Proc.CPU(); err != nil {
			return u, err
		}
		u.CPU -= cpu
		u.Took = time.Since(began)
		if u.Broker, err = broker(); err != nil {
			return u, err
		}
		if u.Memory, err = s.Proc.Memory(); err != nil {
			return u, err
		}
		if u.Noise, err = noise(); err != nil {
			return u, err
		}
		after, _, err := s.allocs(ctx)
		u.Allocs = max(0, after-allocs-own) // less than nothing is how much the cost of telling varies
		return u, err
	}, nil
}

// allocs returns how many objects a hub has allocated so far, and how many it allocates to tell.
func (s *Server) allocs(ctx context.Context) (n, own float64, err error) {
	if s.Name != Bramble {
		return math.NaN(), 0, nil
	}
	first, err := s.Metric(ctx, "go_memstats_mallocs_total")
	if err != nil {
		return 0, 0, err
	}
	n, err = s.Metric(ctx, "go_memstats_mallocs_total")
	return n, n - first, err
}

// Metric returns a hub's metric by its name and, if it has some, its labels.
func (s *Server) Metric(ctx context.Context, name string) (float64, error) {
	lines, err := s.Metrics(ctx)
	if err != nil {
		return 0, err
	}
	for _, line := range lines {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("the hub has no metric %s", name)
}

// Metrics returns the lines of a hub's /metrics.
func (s *Server) Metrics(ctx context.Context) (lines []string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Page+"metrics", nil)
	if err != nil {
		return nil, err
	}
	s.credentials.authenticate(req)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	text := bufio.NewScanner(resp.Body)
	for text.Scan() {
		lines = append(lines, text.Text())
	}
	return lines, text.Err()
}

// listening waits until something accepts connections at a URL.
func listening(ctx context.Context, target string) error {
	u, err := url.Parse(strings.ReplaceAll(target, "%s", "x"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, started)
	defer cancel()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", u.Host)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the peer does not listen: %w: does --peer-cmd start it, at the address of --peer-url?", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Noise is what else the machine did in a time: shares of one core.
type Noise struct {
	Stolen  float64 // by the host of this virtual machine
	Foreign float64 // by other processes
}

// MeasureNoise begins to watch for noise. The returned function ends that; ours are the processes that are no noise.
func MeasureNoise(ours ...*proc.Process) (end func() (Noise, error), err error) {
	before, err := readMachine(ours)
	return func() (Noise, error) {
		after, err := readMachine(ours)
		took := after.at.Sub(before.at).Seconds()
		return Noise{
			Stolen:  (after.stolen - before.stolen) / took,
			Foreign: max(0, (after.busy-before.busy)-(after.own-before.own)) / took,
		}, err
	}, err
}

// machine is a reading of the machine's counters, in seconds.
type machine struct {
	at                time.Time
	busy, stolen, own float64
}

func readMachine(ours []*proc.Process) (m machine, err error) {
	m.at = time.Now()
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return m, err
	}
	if m.busy, m.stolen, err = parseStat(string(data)); err != nil {
		return m, err
	}
	var self unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &self); err != nil {
		return m, err
	}
	m.own = float64(self.Utime.Nano()+self.Stime.Nano()) / 1e9
	for _, p := range ours {
		cpu, err := p.CPU()
		if err != nil {
			return m, err
		}
		m.own += cpu.Seconds()
	}
	return m, nil
}

// parseStat reads the first line of /proc/stat (proc(5)), in hundredths of a second: user, nice, system, idle, iowait,
// irq, softirq, steal.
func parseStat(text string) (busy, stolen float64, err error) {
	line, _, _ := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0, errors.New("/proc/stat has another form here")
	}
	for i, f := range fields[1:9] {
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/stat: %w", err)
		}
		switch i {
		case 0, 1, 2, 5, 6:
			busy += n / 100
		case 7:
			stolen = n / 100
		}
	}
	return busy, stolen, nil
}

// KernelTCP returns the bytes that the kernel holds for TCP on the whole machine, from /proc/net/sockstat, and how many
// connections without an owner are still being emptied.
func KernelTCP() (bytes, orphans int, err error) {
	data, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "TCP:") {
			continue
		}
		f := strings.Fields(line)
		for i := 1; i+1 < len(f); i += 2 {
			n, err := strconv.Atoi(f[i+1])
			if err != nil {
				return 0, 0, fmt.Errorf("/proc/net/sockstat: %w", err)
			}
			switch f[i] {
			case "mem":
				bytes = n * os.Getpagesize()
			case "orphan":
				orphans = n
			}
		}
	}
	return bytes, orphans, nil
}
