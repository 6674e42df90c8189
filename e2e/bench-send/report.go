//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// figures are what one run has shown.
type figures struct {
	CPU      float64 // microseconds of processor time of the sender for each frame that reached a viewer
	Ratio    float64 // of CPU to the first way's in the same turn
	Switches float64 // how often a thread got the processor, for each of these frames
	System   float64 // share of that in the kernel
	P50, P99 float64 // ms from the frame's head until its last byte is read
	Arrived  float64 // share of the frames that should have reached the viewers
	Writes   float64 // system calls that send, for each frame
	Handed   float64 // share of the frames that found the socket full
	Copied   float64 // share of the completions that say that the kernel copied
	SlowP50  float64 // ms, of viewers that read at half speed
	Queued   float64 // kB in their sockets at the sender
}

func newFigures(j job, a *audience, before, after usage, took time.Duration) figures {
	fast := float64(j.Viewers - a.slow)
	f := figures{P50: millis(quantile(a.tally.late, 0.5)), P99: millis(quantile(a.tally.late, 0.99)), SlowP50: millis(quantile(a.tally.slow, 0.5))}
	if n := len(a.tally.late) + len(a.tally.slow); n > 0 {
		f.CPU = float64(after.cpu-before.cpu) / 1000 / float64(n)
		f.Switches = float64(after.switches-before.switches) / float64(n)
	}
	user, system := float64(after.user-before.user), float64(after.system-before.system)
	f.System = share(system, user+system)
	f.Arrived = share(float64(len(a.tally.late)), fast*j.FPS*took.Seconds())
	return f
}

// count adds what the sender counted.
func (f *figures) count(c map[string]int) {
	of := func(name string) float64 { return float64(c[name]) }
	f.Writes, f.Handed = share(of("writes"), of("pictures")), share(of("handed"), of("pictures"))
	f.Copied, f.Queued = share(of("copied"), of("completed")), share(of("queued"), of("samples"))/1024
}

func share(part, whole float64) float64 {
	if whole == 0 {
		return 0
	}
	return part / whole
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median takes each figure's median.
func median(list []figures) figures {
	var m figures
	for _, get := range []func(*figures) *float64{
		func(f *figures) *float64 { return &f.CPU }, func(f *figures) *float64 { return &f.System },
		func(f *figures) *float64 { return &f.Switches }, func(f *figures) *float64 { return &f.Ratio }, func(f *figures) *float64 { return &f.P50 }, func(f *figures) *float64 { return &f.P99 },
		func(f *figures) *float64 { return &f.Arrived }, func(f *figures) *float64 { return &f.Writes },
		func(f *figures) *float64 { return &f.Handed }, func(f *figures) *float64 { return &f.Copied },
		func(f *figures) *float64 { return &f.SlowP50 }, func(f *figures) *float64 { return &f.Queued },
	} {
		values := make([]float64, len(list))
		for i := range list {
			values[i] = *get(&list[i])
		}
		slices.SortFunc(values, cmp.Compare[float64])
		*get(&m) = values[len(values)/2]
	}
	return m
}

func printHead(w io.Writer) {
	_, _ = fmt.Fprintln(w, "| kB | viewers | fps | lowat kB | way | CPU µs/frame | ratio | in kernel | switches/frame | p50 / p99 ms | arrived | calls/frame | socket full | copied | slow: p50 ms, kB queued |")
	_, _ = fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
}

func (f figures) print(w io.Writer, j job) {
	calls := "" // net.Buffers and io_uring do not tell
	if f.Writes > 0 {
		calls = fmt.Sprintf("%.2f", f.Writes)
	}
	_, _ = fmt.Fprintf(w, "| %d | %d | %.1f | %d | %s | %.2f | %.2f | %.0f %% | %.2f | %.2f / %.2f | %.1f %% | %s | %.1f %% | %.0f %% | %.0f, %.0f |\n",
		j.Size/1024, j.Viewers, j.FPS, j.Lowat/1024, j.Way, f.CPU, f.Ratio, 100*f.System, f.Switches, f.P50, f.P99, 100*f.Arrived,
		calls, 100*f.Handed, 100*f.Copied, f.SlowP50, f.Queued)
}
