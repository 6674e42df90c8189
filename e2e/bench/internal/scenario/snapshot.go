//go:build linux

package scenario

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/load"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/e2e/bench/internal/stage"
)

// Names of columns.
const (
	answered = "status when dead"
	after    = "s after its death"
)

func (b *Bench) snapshot(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "snapshot", Columns: []report.Column{report.Alone(p50, 2), report.Alone(p99, 2), report.Alone(answered, 0), report.Alone(after, 1)}}
	for _, n := range []int{1, 100} {
		err := b.turns(ctx, t, fmt.Sprintf("%d at once", n), b.servers("jpeg"), b.Each, map[string]report.Goal{p99: {Limit: 5}}, func(ctx context.Context, server string) (report.Run, stage.Noise, error) {
			return b.snapshotOnce(ctx, server, n)
		})
		if err != nil {
			return nil, err
		}
	}
	dead := map[string]report.Goal{answered: {Limit: http.StatusServiceUnavailable, Least: true}}
	return t, b.turns(ctx, t, "dead camera", []string{stage.Bramble}, b.Each, dead, b.deadOnce)
}

func (b *Bench) snapshotOnce(ctx context.Context, server string, n int) (report.Run, stage.Noise, error) {
	s, _, err := b.serve(ctx, server, "mjpeg")
	if err != nil {
		return nil, stage.Noise{}, err
	}
	defer s.Stop()
	steady := load.New().Join(ctx, 1, load.Viewer{URL: s.URL("bench", "mjpeg"), Kind: "mjpeg"}) // keeps the camera going
	defer steady.Stop()
	if err := load.Pause(ctx, b.Settle, steady); err != nil {
		return nil, stage.Noise{}, explain(s, err)
	}
	end, err := s.Measure(ctx)
	if err != nil {
		return nil, stage.Noise{}, err
	}
	took, err := load.Snapshots(ctx, s.URL("bench", "jpeg"), n, b.Span)
	if err != nil {
		return nil, stage.Noise{}, explain(s, err)
	}
	u, err := end()
	return report.Run{p50: load.Quantile(took, 0.5), p99: load.Quantile(took, 0.99)}, u.Noise, err
}

// deadOnce lets a camera die, and asks for its picture until the answer is no picture.
func (b *Bench) deadOnce(ctx context.Context, server string) (report.Run, stage.Noise, error) {
	s, cam, err := b.serve(ctx, server, "mjpeg")
	if err != nil {
		return nil, stage.Noise{}, err
	}
	defer s.Stop()
	if status, size, err := shot(ctx, s.URL("bench", "jpeg")); err != nil || status != http.StatusOK || size < 1000 {
		return nil, stage.Noise{}, fmt.Errorf("a running camera: status %d, %d bytes, %w", status, size, err)
	}
	cam.Die(true)
	for died := time.Now(); ; {
		status, size, err := shot(ctx, s.URL("bench", "jpeg"))
		if err != nil {
			return nil, stage.Noise{}, explain(s, err)
		}
		if status != http.StatusOK || size < 1000 || time.Since(died) > 20*time.Second {
			return report.Run{answered: float64(status), after: time.Since(died).Seconds()}, stage.Noise{}, nil
		}
		if err := load.Pause(ctx, 100*time.Millisecond); err != nil {
			return nil, stage.Noise{}, err
		}
	}
}

// shot asks for one picture.
func shot(ctx context.Context, url string) (status int, size int64, err error) {
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
