package rpicam

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// BenchmarkLatency measures from the moment at which the fake rpicam-vid may write a frame to the call of the
// sink. Two processes and three pipes take part. The allocations are this process's.
func BenchmarkLatency(b *testing.B) {
	for name := range piVariants() {
		b.Run(name, func(b *testing.B) {
			p := newPi(b, "fast")
			options := p.as(name)
			give := p.tokens()
			src := p.source("rpicam:0#fps=30&" + options)
			arrived := make(chan time.Time, 64)
			stop := testutil.Run(b, func(ctx context.Context) error {
				return src.Run(ctx, func(source.Frame) {
					select {
					case arrived <- time.Now():
					default:
					}
				})
			})
			for range 40 {
				// every picture has been made and every buffer has its size; without times the last one is not there yet
				give.give()
			}
			for range 39 {
				<-arrived
			}
			late := src.Warning() != ""
			if !late {
				<-arrived
			}
			took := make([]time.Duration, 0, b.N)
			b.ReportAllocs()
			for b.Loop() {
				given := time.Now()
				give.give()
				took = append(took, (<-arrived).Sub(given))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e6, "ms-p50")
			b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e6, "ms-p99")
			stop()
		})
	}
}
