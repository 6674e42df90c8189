//go:build linux

package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// agents starts a hub, and an agent with these cameras beside it.
func (b *Bench) agents(
	ctx context.Context, hubArgs []string, agentArgs ...string,
) (*harness.Server, *proc.Process, error) {
	s, err := b.HubOnly(ctx, hubArgs...)
	if err != nil {
		return nil, nil, err
	}
	agent, err := b.StartAgent(s.NATS, agentArgs...)
	if err != nil {
		s.Stop()
		return nil, nil, err
	}
	s.OnStop(agent.Stop)
	return s, agent, nil
}

func (b *Bench) cold(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "cold", Columns: []report.Column{report.WithoutRatio(firstP50, 0),
		report.WithoutRatio(most, 0)}}
	for _, kind := range []string{"mjpeg", "mp4"} {
		err := b.alternate(ctx, t, kind+", from a file", []string{harness.Bramble}, b.Each,
			map[string]report.Goal{most: {Limit: 150}}, func(ctx context.Context, _ string) (report.Run, harness.Noise, error) {
				r, err := b.coldOnce(ctx, kind)
				return r, harness.Noise{}, err
			})
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (b *Bench) coldOnce(ctx context.Context, kind string) (report.Run, error) {
	cam, err := b.camera(kind)
	if err != nil {
		return nil, err
	}
	clip := filepath.Join(b.Dir, "clip."+map[string]string{"mjpeg": "mjpeg", "mp4": "h264"}[kind])
	if err := os.WriteFile(clip, cam.Clip.Bytes(), 0o600); err != nil {
		return nil, err
	}
	const linger = "300ms"
	s, agent, err := b.agents(ctx, []string{"--linger", linger}, "--linger", linger, "--camera",
		"bench=file:"+clip+"#fps=25")
	if err != nil {
		return nil, err
	}
	defer s.Stop()
	if err := s.WaitKnown(ctx, "bench"); err != nil {
		return nil, fmt.Errorf("%w; the agent said:\n%s", err, agent.Output())
	}
	var first []time.Duration
	for range b.some(8, 2) {
		if err := idle(ctx, s, "bench"); err != nil {
			return nil, err
		}
		seen, err := loadgen.New().Watch(ctx, loadgen.Viewer{URL: s.URL("bench", kind), Kind: kind, Frames: 1})
		if err != nil {
			return nil, explain(s, err)
		}
		if seen.Frames == 0 || !seen.Key {
			return nil, errors.New("the first frame is no picture of the camera")
		}
		first = append(first, seen.First.Sub(seen.Asked))
	}
	slices.Sort(first)
	return report.Run{firstP50: loadgen.Quantile(first, 0.5), most: loadgen.Quantile(first, 1)}, nil
}

// idle waits until a camera of a hub has been idle for a moment.
func idle(ctx context.Context, s *harness.Server, camera string) error {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Page+"api/v1/cameras/"+camera, nil)
		if err != nil {
			return err
		}
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			return err
		}
		var is struct{ State string }
		err = json.NewDecoder(resp.Body).Decode(&is)
		_ = resp.Body.Close() // read as far as needed
		if err != nil {
			return err
		}
		pause := 50 * time.Millisecond
		if is.State == "idle" {
			pause = 600 * time.Millisecond // its linger time is over at the hub as well
		}
		if err := loadgen.Pause(ctx, pause); err != nil || is.State == "idle" {
			return err
		}
	}
	return fmt.Errorf("camera %s does not become idle", camera)
}

func (b *Bench) start(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "start", Columns: []report.Column{report.WithoutRatio(firstP50, 0),
		report.WithoutRatio(most, 0)}}
	return t, b.alternate(ctx, t, "demo", []string{harness.Bramble}, b.Each, map[string]report.Goal{most: {Limit: 2000}},
		func(ctx context.Context, _ string) (report.Run, harness.Noise, error) {
			var took []time.Duration
			for range b.some(5, 3) {
				began := time.Now()
				if err := b.startOnce(ctx); err != nil {
					return nil, harness.Noise{}, err
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			return report.Run{firstP50: loadgen.Quantile(took, 0.5), most: loadgen.Quantile(took, 1)}, harness.Noise{}, nil
		})
}

// startOnce starts the demo and takes a picture.
func (b *Bench) startOnce(ctx context.Context) error {
	s, err := b.HubOnly(ctx, "demo")
	if err != nil {
		return err
	}
	defer s.Proc.Kill() // how long it takes to end is not measured
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		status, size, err := fetchPicture(ctx, s.URL("porch", "jpeg"))
		if err != nil {
			return explain(s, err)
		}
		if status == http.StatusOK && size > 1000 {
			return nil
		}
		if err := loadgen.Pause(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return errors.New("the demo shows no picture")
}

// Names of columns.
const cpuShare = "CPU % of a core"

func (b *Bench) idle(ctx context.Context) (*report.Table, error) {
	t := &report.Table{Scenario: "idle", Columns: []report.Column{report.WithoutRatio(rss, 1),
		report.WithoutRatio(cpuShare, 2), report.WithoutRatio(agentRSS, 1)}}
	goals := map[string]report.Goal{rss: {Limit: 30}, cpuShare: {Limit: 1}}
	return t, b.alternate(ctx, t, "50 cameras", []string{harness.Bramble}, b.Each, goals, b.idleOnce)
}

func (b *Bench) idleOnce(ctx context.Context, _ string) (report.Run, harness.Noise, error) {
	var args []string
	for n := range 50 {
		args = append(args, "--camera", "cam"+strconv.Itoa(n)+"=pattern:")
	}
	s, agent, err := b.agents(ctx, nil, args...)
	if err != nil {
		return nil, harness.Noise{}, err
	}
	defer s.Stop()
	if err := s.WaitKnown(ctx, "cam49"); err != nil {
		return nil, harness.Noise{}, fmt.Errorf("%w; the agent said:\n%s", err, agent.Output())
	}
	if err := loadgen.Pause(ctx, time.Duration(b.some(10, 3))*time.Second); err != nil {
		return nil, harness.Noise{}, err
	}
	end, err := s.Measure(ctx, agent)
	if err != nil {
		return nil, harness.Noise{}, err
	}
	if err := loadgen.Pause(ctx, 2*b.Span); err != nil {
		return nil, harness.Noise{}, err
	}
	u, err := end()
	if err != nil {
		return nil, harness.Noise{}, err
	}
	m, err := agent.Memory()
	return report.Run{rss: mb(u.RSS), cpuShare: 100 * u.CPU.Seconds() / u.Took.Seconds(),
		agentRSS: mb(m.RSS)}, u.Noise, err
}
