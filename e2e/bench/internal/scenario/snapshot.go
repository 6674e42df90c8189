//go:build linux

package scenario

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
)

// Names of columns.
const (
	answered = "status when dead"
	after    = "s after its death"
)

func (b *Bench) snapshot(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "snapshot", Columns: []report.Column{report.WithoutRatio(p50, 2),
		report.WithoutRatio(p99, 2), report.WithoutRatio(answered, 0), report.WithoutRatio(after, 1)}}
	for _, n := range []int{1, 100} {
		err := b.alternate(ctx, t, fmt.Sprintf("%d at once", n), b.servers("jpeg"), b.Each,
			map[string]report.Goal{p99: {Limit: 5}}, func(ctx context.Context, server string) (report.Run, harness.Noise,
				error) {
				return b.snapshotOnce(ctx, server, n)
			})
		if err != nil {
			return nil, err
		}
	}
	dead := map[string]report.Goal{answered: {Limit: http.StatusServiceUnavailable, Least: true}}
	return t, b.alternate(ctx, t, "dead camera", []string{harness.Bramble}, b.Each, dead, b.deadOnce)
}

func (b *Bench) snapshotOnce(ctx context.Context, server string, n int) (report.Run, harness.Noise, error) {
	s, _, err := b.serve(ctx, server, "mjpeg")
	if err != nil {
		return nil, harness.Noise{}, err
	}
	defer s.Stop()
	// keeps the camera going
	steady := loadgen.New().Join(ctx, 1, loadgen.Viewer{URL: s.URL("bench", "mjpeg"), Kind: "mjpeg"})
	defer steady.Stop()
	if err := loadgen.Pause(ctx, b.Settle, steady); err != nil {
		return nil, harness.Noise{}, explain(s, err)
	}
	end, err := s.Measure(ctx)
	if err != nil {
		return nil, harness.Noise{}, err
	}
	took, err := loadgen.Snapshots(ctx, s.URL("bench", "jpeg"), n, b.Span)
	if err != nil {
		return nil, harness.Noise{}, explain(s, err)
	}
	u, err := end()
	return report.Run{p50: loadgen.Quantile(took, 0.5), p99: loadgen.Quantile(took, 0.99)}, u.Noise, err
}

// deadOnce lets a camera die, and asks for its picture until the answer is no picture.
func (b *Bench) deadOnce(ctx context.Context, server string) (report.Run, harness.Noise, error) {
	s, cam, err := b.serve(ctx, server, "mjpeg")
	if err != nil {
		return nil, harness.Noise{}, err
	}
	defer s.Stop()
	if status, size, err := fetchPicture(ctx, s.URL("bench", "jpeg")); err != nil || status != http.StatusOK ||
		size < 1000 {
		return nil, harness.Noise{}, fmt.Errorf("a running camera: status %d, %d bytes, %w", status, size, err)
	}
	cam.SetDead(true)
	for died := time.Now(); ; {
		status, size, err := fetchPicture(ctx, s.URL("bench", "jpeg"))
		if err != nil {
			return nil, harness.Noise{}, explain(s, err)
		}
		if status != http.StatusOK || size < 1000 || time.Since(died) > 20*time.Second {
			return report.Run{answered: float64(status), after: time.Since(died).Seconds()}, harness.Noise{}, nil
		}
		if err := loadgen.Pause(ctx, 100*time.Millisecond); err != nil {
			return nil, harness.Noise{}, err
		}
	}
}

// fetchPicture asks for one picture.
func fetchPicture(ctx context.Context, url string) (status int, size int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, 0, err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	size, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, size, err
}
