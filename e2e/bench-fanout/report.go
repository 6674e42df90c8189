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
	CPU     float64 `json:"cpu_us_per_frame"` // microseconds of processor time for each frame that reached a viewer
	RSS     float64 `json:"rss_mb"`
	P50     float64 `json:"p50_ms"` // from the camera to the viewer
	P99     float64 `json:"p99_ms"`
	Arrived float64 `json:"arrived"` // share of the frames that should have reached the viewers
	Frames  int     `json:"frames"`
}

func newFigures(c counts, before, after usage, viewers int, took time.Duration) figures {
	f := figures{RSS: float64(after.rss) / 1024, Frames: c.Frames, P50: millis(c.P50), P99: millis(c.P99)}
	if c.Frames > 0 {
		f.CPU = float64(after.cpu-before.cpu) / 1000 / float64(c.Frames)
	}
	f.Arrived = float64(c.Frames) / (float64(viewers) * fps * took.Seconds())
	return f
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median takes each figure's median.
func median(list []figures) figures {
	of := func(get func(figures) float64) float64 {
		values := make([]float64, len(list))
		for i, f := range list {
			values[i] = get(f)
		}
		slices.SortFunc(values, cmp.Compare[float64])
		return values[len(values)/2]
	}
	return figures{
		CPU: of(func(f figures) float64 { return f.CPU }), RSS: of(func(f figures) float64 { return f.RSS }),
		P50: of(func(f figures) float64 { return f.P50 }), P99: of(func(f figures) float64 { return f.P99 }),
		Arrived: of(func(f figures) float64 { return f.Arrived }), Frames: int(of(func(f figures) float64 { return float64(f.Frames) })),
	}
}

// row is one line of the table.
type row struct {
	Kind    string             `json:"kind"`
	Viewers int                `json:"viewers"`
	Figures map[string]figures `json:"figures"`
}

func printHead(w io.Writer, peer bool) {
	_, _ = fmt.Fprintln(w, "| stream | viewers | server | CPU µs/frame | ratio to floor | RSS MB | p50 / p99 ms | arrived |")
	_, _ = fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|")
}

func (r row) print(w io.Writer) {
	for _, name := range []string{"floor", "bramble", "peer"} {
		f, ok := r.Figures[name]
		if !ok {
			continue
		}
		_, _ = fmt.Fprintf(w, "| %s | %d | %s | %.1f | %.2f | %.1f | %.2f / %.2f | %.1f %% |\n",
			r.Kind, r.Viewers, name, f.CPU, f.CPU/r.Figures["floor"].CPU, f.RSS, f.P50, f.P99, 100*f.Arrived)
	}
}
