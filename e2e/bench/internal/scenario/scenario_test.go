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
	"os/signal"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/e2e/bench/internal/harness"
	"github.com/bramble-cam/bramble/e2e/bench/internal/loadgen"
	"github.com/bramble-cam/bramble/e2e/bench/internal/report"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestMain lets this test program run the benchmark's parts, as the benchmark's own program does.
func TestMain(m *testing.M) {
	if part := Part(os.Args[1:]); part != nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err := part(ctx, os.Stdout)
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "bramble-bench-")
	if err == nil && testutil.RunsSystem() {
		err = build(dir)
	}
	if err == nil {
		err = os.Setenv(programs, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "bench: goroutines are left over:", err)
			code = 1
		}
	}
	_ = os.RemoveAll(dir) // a folder in the system's temporary one
	os.Exit(code)
}

// programs is the folder of the programs that are measured: they are built once.
const programs = "BRAMBLE_BENCH_PROGRAMS"

func build(dir string) error {
	out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator),
		"github.com/bramble-cam/bramble/hub/cmd/bramble-hub",
		"github.com/bramble-cam/bramble/agent/cmd/bramble-agent", "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// bench returns a benchmark whose runs take a fraction of a second: what they show is no figure, but that they show
// something.
func bench(t *testing.T) *Bench {
	t.Helper()
	dir := os.Getenv(programs)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Bench{
		Config: harness.Config{Self: self, Hub: filepath.Join(dir, "bramble-hub"),
			Agent: filepath.Join(dir, "bramble-agent")},
		Kinds: []string{"mjpeg", "mp4"}, Viewers: []int{3}, Span: 500 * time.Millisecond, Runs: 1, Each: 1,
		Settle: 200 * time.Millisecond, Quick: true, Dir: t.TempDir(), Log: t.Output(),
	}
}

// TestSmoke runs some scenarios against real servers, so that the benchmark cannot rot. Every figure must be there.
func TestSmoke(t *testing.T) {
	testutil.System(t, "runs the benchmark")
	b := bench(t)
	for _, c := range []struct {
		name string
		want []string // columns that Bramble must have in each case
	}{
		{"fanout", []string{report.CPU, rss, anon, allocs, p50, p99, report.Arrived}},
		{"first-part", []string{firstP50, firstP99}},
		{"latency", []string{p50, p99, report.Arrived}},
	} {
		for _, sc := range All() {
			if sc.Name != c.name {
				continue
			}
			table, err := sc.Run(b, t.Context())
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			check(t, table, c.want)
		}
	}
}

// TestBroker: with a NATS server of its own the hub shows the same figures, and the server its own.
func TestBroker(t *testing.T) {
	testutil.System(t, "runs the benchmark")
	b := bench(t)
	b.Broker, b.Kinds = filepath.Join(filepath.Dir(b.Hub), "nats-server"), []string{"mjpeg"}
	table, err := b.fanout(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	check(t, table, []string{report.CPU, rss, allocs, p50, report.Arrived, brokerCPU, brokerRSS})
}

func check(t *testing.T, table *report.Table, want []string) {
	t.Helper()
	if len(table.Cases) == 0 {
		t.Fatalf("%s has no case", table.Scenario)
	}
	for _, c := range table.Cases {
		for _, row := range c.Rows {
			if row.Server != harness.Bramble {
				continue
			}
			m := report.Median(row.Runs)
			for _, column := range want {
				// What the telling costs is taken off the allocations, which may then be none.
				v, told := m[column]
				if !told || v < 0 || v == 0 && column != allocs || math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("%s, %s: %s is %v", table.Scenario, c.Name, column, v)
				}
			}
		}
	}
	var text bytes.Buffer
	if err := table.Print(&text); err != nil {
		t.Error(err)
	}
	t.Log(text.String())
}

// TestViewers: slow, stalled, coming and going viewers behave as they are named.
func TestViewers(t *testing.T) {
	testutil.System(t, "runs the benchmark")
	b := bench(t)
	ctx := t.Context()
	cam, err := b.camera("mjpeg")
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Start(ctx, harness.Bramble, cam)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	v := loadgen.Viewer{URL: s.URL("bench", "mjpeg"), Kind: "mjpeg"}
	generator, slowly := loadgen.New(), loadgen.New()
	generator.BeginAll()
	slowly.BeginAll()
	good := generator.Join(ctx, 1, v)
	stalled, slow := v, v
	stalled.Stalled, slow.Rate = true, cam.Clip.Rate()/10
	bad := generator.Join(ctx, 3, stalled)
	late := slowly.Join(ctx, 1, slow)
	churn := &loadgen.Churn{}
	churning, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	churn.Run(churning, loadgen.New(), v, 50, stay)
	if err := loadgen.Pause(ctx, 0, good, bad, late); err != nil {
		t.Fatal(err)
	}
	bad.Stop()
	late.Stop()
	seen := good.Stop()[0].Frames
	if seen == 0 || generator.End().Frames != seen {
		t.Errorf("the good viewer saw %d frames, and stalled ones should see none", seen)
	}
	if n := slowly.End().Frames; n >= seen {
		t.Errorf("the slow viewer saw %d frames, the good one %d", n, seen)
	}
	if churn.Came.Load() == 0 || churn.Refused.Load() != 0 {
		t.Errorf("%d came, %d were refused", churn.Came.Load(), churn.Refused.Load())
	}
}

// TestKilledServer: a server that dies in the middle is an error, and no row of zeros.
func TestKilledServer(t *testing.T) {
	testutil.System(t, "runs the benchmark")
	b := bench(t)
	b.Span = time.Minute
	cam, err := b.camera("mp4")
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []string{harness.Baseline, harness.Bramble} {
		s, err := b.Start(t.Context(), server, cam)
		if err != nil {
			t.Fatal(err)
		}
		generator := loadgen.New()
		v := loadgen.Viewer{URL: s.URL("bench", "mp4"), Kind: "mp4"}
		if _, err := loadgen.New().Watch(t.Context(), loadgen.Viewer{URL: v.URL, Kind: v.Kind, Frames: 1}); err != nil {
			t.Fatal(err)
		}
		g := generator.Join(t.Context(), 2, v)
		s.Proc.Kill()
		_, _, err = b.count(t.Context(), s, generator, []*loadgen.Group{g}, 2)
		if err == nil || !strings.Contains(err.Error(), server+" has ended") {
			t.Errorf("%s: error %v", server, err)
		}
		g.Stop()
		s.Stop()
	}
}

// TestStopped: the end of the context ends a run soon, with the context's error, and leaves no process (goleak sees
// those who wait for them).
func TestStopped(t *testing.T) {
	testutil.System(t, "runs the benchmark")
	b := bench(t)
	b.Span = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := b.fanout(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}
