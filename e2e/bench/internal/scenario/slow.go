//go:build linux

package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/e2e/bench/internal/syntheticframes"
	"github.com/bramble-cam/bramble/e2e/internal/clips"
)

// Names of columns.
const (
	ageP50  = "age p50 ms"
	ageP99  = "age p99 ms"
	ageMost = "age most ms"
	ageFrom = "most in the first seconds ms"
	shown   = "shown %"
	faults  = "decoding errors"
)

func (b *Bench) slow(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "slow", Columns: []report.Column{
		report.WithoutRatio(ageFrom, 0), report.WithoutRatio(ageP50, 0), report.WithoutRatio(ageP99, 0),
		report.WithoutRatio(ageMost, 0), report.WithoutRatio(shown, 1), report.WithoutRatio(rss, 1),
		report.WithoutRatio(faults, 0),
	}}
	decodable, err := b.decodable(ctx)
	if err != nil {
		return nil, err
	}
	if decodable == nil {
		t.Notes = append(t.Notes, "Nothing was decoded: ffmpeg is not in PATH.")
	}
	for _, kind := range []string{"mjpeg", "h264"} {
		for _, n := range []int{5, 50}[:b.some(2, 1)] {
			goals := map[string]report.Goal{ageFrom: {Limit: 1000}, ageMost: {Limit: 1000}}
			if kind == "h264" {
				goals = map[string]report.Goal{faults: {Limit: 0}}
			}
			// it jumps into the middle of a GOP
			servers := slices.DeleteFunc(b.servers(kind), func(s string) bool { return s == harness.Baseline && kind == "h264" })
			err := b.alternate(ctx, t, fmt.Sprintf("%s, %d viewers", kind, n), servers, b.Each, goals,
				func(ctx context.Context, server string) (report.Run, harness.Noise, error) {
					return b.slowOnce(ctx, server, kind, n, decodable)
				})
			if err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// decodable returns a clip of H.264 that can be decoded; nil without ffmpeg.
func (b *Bench) decodable(ctx context.Context) (*syntheticframes.Clip, error) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		return nil, nil
	}
	b.logf("slow: ffmpeg encodes a clip")
	path := filepath.Join(b.Dir, "decodable.h264")
	if err := clips.H264(ctx, path); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := syntheticframes.Decodable(data)
	if len(f.Frames) < 100 || !f.Frames[0].Key {
		return nil, fmt.Errorf("ffmpeg's clip has %d access units", len(f.Frames))
	}
	return f, nil
}

func (b *Bench) slowOnce(
	ctx context.Context, server, kind string, n int, decodable *syntheticframes.Clip,
) (report.Run, harness.Noise, error) {
	none := harness.Noise{}
	cam, err := b.camera(kind)
	if err != nil {
		return nil, none, err
	}
	if kind == "h264" && decodable != nil {
		cam.Clip = decodable
	}
	s, err := b.Start(ctx, server, cam)
	if err != nil {
		return nil, none, err
	}
	defer s.Stop()
	generator := loadgen.New()
	v := loadgen.Viewer{URL: s.URL("bench", kind), Kind: kind, Rate: cam.Clip.Rate() / 2}
	others := generator.Join(ctx, n-1, v)
	defer others.Stop()
	var saved bytes.Buffer
	v.Save = &saved
	one := generator.Join(ctx, 1, v)
	defer one.Stop()
	generator.BeginAll()
	if err := loadgen.Pause(ctx, time.Duration(b.some(10, 8))*time.Second, others, one); err != nil {
		// until what the kernel holds is full
		return nil, none, explain(s, err)
	}
	end, err := s.Measure(ctx)
	if err != nil {
		return nil, none, err
	}
	first := generator.End()
	generator.BeginAll()
	if err := loadgen.Pause(ctx, time.Duration(b.some(6, 3))*time.Second, others, one); err != nil {
		return nil, none, explain(s, err)
	}
	u, err := end()
	if err != nil {
		return nil, none, err
	}
	c := generator.End()
	one.Stop()
	r := report.Run{
		ageFrom: first.Age(1), ageP50: c.Age(0.5), ageP99: c.Age(0.99), ageMost: c.Age(1),
		shown: 100 * float64(c.Frames) / (float64(n) * syntheticframes.FPS * u.Took.Seconds()), rss: mb(u.RSS),
		faults: math.NaN(),
	}
	if kind == "h264" && decodable != nil {
		r[faults], err = b.decode(ctx, saved.Bytes())
	}
	return r, u.Noise, err
}

// decode returns how many lines of errors ffmpeg writes when it decodes a viewer's stream, without the access unit that
// was cut off at its end.
func (b *Bench) decode(ctx context.Context, stream []byte) (float64, error) {
	end := bytes.LastIndex(stream, []byte(syntheticframes.Mark))
	if end >= 0 {
		end = bytes.LastIndex(stream[:end], []byte{0, 0, 0, 1})
	}
	if end <= 0 {
		return 0, errors.New("a slow viewer got no frame")
	}
	path := filepath.Join(b.Dir, "slow.h264")
	if err := os.WriteFile(path, stream[:end], 0o600); err != nil {
		return 0, err
	}
	//nolint:gosec // the program under test
	out, err := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "h264", "-i", path, "-f", "null", "-").
		CombinedOutput()
	if err != nil && len(out) == 0 {
		return 0, fmt.Errorf("ffmpeg: %w", err)
	}
	if len(out) > 0 {
		b.logf("slow: ffmpeg: %s", out[:min(len(out), 500)])
	}
	return float64(bytes.Count(out, []byte("\n"))), nil
}
