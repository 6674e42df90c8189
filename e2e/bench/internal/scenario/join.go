//go:build linux

package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
)

// Names of columns.
const (
	firstP50  = "first picture p50 ms"
	firstP99  = "first picture p99 ms"
	behindP50 = "behind live p50 ms"
	behindP99 = "behind live p99 ms"
	most      = "most ms"
)

const (
	longGOP   = 4 * syntheticframes.FPS // frames
	afterKey  = 500 * time.Millisecond  // when viewers join
	joinFrame = 30                      // frames that each of them watches
	joiners   = 20                      // in each GOP, 5 ms apart
)

func (b *Bench) join(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "join", Columns: []report.Column{report.WithoutRatio(firstP50, 1),
		report.WithoutRatio(firstP99, 1), report.WithoutRatio(behindP50, 0), report.WithoutRatio(behindP99, 0)}}
	goals := map[string]report.Goal{firstP99: {Limit: 100}, behindP99: {Limit: 200}}
	for _, kind := range []string{"h264", "mp4"} {
		servers := slices.DeleteFunc(b.servers(kind), func(s string) bool { return s == harness.Baseline }) // it keeps no GOP
		err := b.alternate(ctx, t, kind, servers, b.Each, goals, func(ctx context.Context, server string) (report.Run,
			harness.Noise, error) {
			return b.joinOnce(ctx, server, kind)
		})
		if err != nil {
			return nil, err
		}
	}
	t.Notes = append(t.Notes,
		"Raw H.264 has no times. A player that shows it at the camera's rate stays as far behind as the first frame was "+
			"old. MP4 has times. The figures are for a player that follows its edit list.")
	return t, nil
}

func (b *Bench) joinOnce(ctx context.Context, server, kind string) (report.Run, harness.Noise, error) {
	cam := &harness.Camera{Name: "bench", Clip: syntheticframes.GOP(syntheticframes.AUSize, longGOP)}
	s, err := b.Start(ctx, server, cam)
	if err != nil {
		return nil, harness.Noise{}, err
	}
	defer s.Stop()
	v := loadgen.Viewer{URL: s.URL("bench", kind), Kind: kind}
	generator := loadgen.New()
	steady := generator.Join(ctx, 1, v) // keeps the camera going
	defer steady.Stop()
	end, err := s.Measure(ctx)
	if err != nil {
		return nil, harness.Noise{}, err
	}
	v.Frames = joinFrame
	var first, behind []time.Duration
	for range b.some(3, 1) {
		if err := nextKey(ctx, cam, steady); err != nil {
			return nil, harness.Noise{}, explain(s, err)
		}
		seen, err := joinAll(ctx, generator, v)
		if err != nil {
			return nil, harness.Noise{}, explain(s, err)
		}
		for _, one := range seen {
			first, behind = append(first, one.First.Sub(one.Asked)), append(behind, one.Late)
		}
	}
	u, err := end()
	slices.Sort(first)
	slices.Sort(behind)
	return report.Run{
		firstP50: loadgen.Quantile(first, 0.5), firstP99: loadgen.Quantile(first, 0.99),
		behindP50: loadgen.Quantile(behind, 0.5), behindP99: loadgen.Quantile(behind, 0.99),
	}, u.Noise, err
}

// nextKey waits until it is time to join after the camera's next key frame.
func nextKey(ctx context.Context, cam *harness.Camera, steady *loadgen.Group) error {
	for last := cam.LastKeyFrame(); !cam.LastKeyFrame().After(last) || last.Unix() == 0; {
		if last.Unix() == 0 {
			last = cam.LastKeyFrame() // the first one is while things start
		}
		if err := loadgen.Pause(ctx, 5*time.Millisecond, steady); err != nil {
			return err
		}
	}
	return loadgen.Pause(ctx, time.Until(cam.LastKeyFrame().Add(afterKey)), steady)
}

// joinAll lets viewers join one after the other, and waits until they have seen enough.
func joinAll(ctx context.Context, generator *loadgen.Generator, v loadgen.Viewer) ([]loadgen.ViewerResult, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var running sync.WaitGroup
	seen, faults := make([]loadgen.ViewerResult, joiners), make([]error, joiners)
	for i := range joiners {
		running.Go(func() {
			seen[i], faults[i] = generator.Watch(ctx, v)
			switch {
			case faults[i] != nil:
			case seen[i].Frames < v.Frames:
				faults[i] = fmt.Errorf("a viewer got %d frames in 15 s", seen[i].Frames)
			case !seen[i].Key:
				faults[i] = errors.New("the first frame cannot be decoded")
			}
		})
		if err := loadgen.Pause(ctx, 5*time.Millisecond); err != nil {
			break
		}
	}
	running.Wait()
	return seen, errors.Join(faults...)
}

// some returns how often to do something.
func (b *Bench) some(usual, quick int) int {
	if b.Quick {
		return quick
	}
	return usual
}

func (b *Bench) firstPart(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "first-part", Columns: []report.Column{report.WithoutRatio(firstP50, 2),
		report.WithoutRatio(firstP99, 2)}}
	return t, b.alternate(ctx, t, "mjpeg", b.servers("mjpeg"), b.Each, map[string]report.Goal{firstP99: {Limit: 5}},
		b.firstPartOnce)
}

func (b *Bench) firstPartOnce(ctx context.Context, server string) (report.Run, harness.Noise, error) {
	s, _, err := b.serve(ctx, server, "mjpeg")
	if err != nil {
		return nil, harness.Noise{}, err
	}
	defer s.Stop()
	v := loadgen.Viewer{URL: s.URL("bench", "mjpeg"), Kind: "mjpeg"}
	generator := loadgen.New()
	steady := generator.Join(ctx, 1, v)
	defer steady.Stop()
	if err := loadgen.Pause(ctx, b.Settle, steady); err != nil {
		return nil, harness.Noise{}, explain(s, err)
	}
	end, err := s.Measure(ctx)
	if err != nil {
		return nil, harness.Noise{}, err
	}
	v.Frames = 1
	var first []time.Duration
	for range b.some(200, 50) {
		seen, err := generator.Watch(ctx, v)
		if err == nil && seen.Frames == 0 {
			err = errors.New("the first part is not the camera's")
		}
		if err == nil {
			err = loadgen.Pause(ctx, time.Duration(rand.IntN(40))*time.Millisecond, steady) //nolint:gosec // no secret
		}
		if err != nil {
			return nil, harness.Noise{}, explain(s, err)
		}
		first = append(first, seen.First.Sub(seen.Asked))
	}
	u, err := end()
	slices.Sort(first)
	return report.Run{firstP50: loadgen.Quantile(first, 0.5), firstP99: loadgen.Quantile(first, 0.99)}, u.Noise, err
}
