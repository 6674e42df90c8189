package publish

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// startNATSElsewhere starts a NATS server in a process of its own and returns its URL.
func startNATSElsewhere(tb testing.TB) string {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			tb.Errorf("NATS server: %v", err)
		}
	})
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(url)
}

// sender sends frame upon frame through a Publisher that runs.
type sender struct {
	p     *Publisher
	frame frame.Frame
}

func newSender(tb testing.TB, format frame.Format, size int) *sender {
	tb.Helper()
	nc, err := nats.Connect(startNATSElsewhere(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	p := New(Config{Conn: nc, Camera: cameraName, Format: format, Linger: time.Hour, Drops: &drop.Counters{},
		Log: testutil.Log(tb)})
	testutil.Run(tb, p.Run)
	p.Wake() // and the linger time is long: the stream stays live without a subscriber
	ctx, cancel := context.WithTimeout(tb.Context(), testutil.Timeout)
	defer cancel()
	if err := p.WaitWanted(ctx, true); err != nil {
		tb.Fatal(err)
	}
	return &sender{p, frame.Frame{Format: format, CaptureTime: time.Now(), Epoch: time.Now().UnixNano(),
		Payload: make([]byte, size)}}
}

// send puts one frame and waits until it has been published.
func (s *sender) send() {
	s.frame.Seq++
	s.frame.PTS += 33333 * time.Microsecond
	s.frame.Key = s.frame.Format == frame.H264 && s.frame.Seq%30 == 1
	sent := s.p.Sent()
	s.p.Put(&s.frame)
	for s.p.Sent() == sent {
		runtime.Gosched()
	}
}

// TestPublishingAllocatesLittle: what a frame costs the garbage collector does not depend on its size.
func TestPublishingAllocatesLittle(t *testing.T) {
	const size, frames = 300 << 10, 300
	s := newSender(t, frame.JPEG, size)
	for range 10 {
		s.send()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range frames {
		s.send()
	}
	runtime.ReadMemStats(&after)
	allocs, bytes := float64(after.Mallocs-before.Mallocs)/frames, float64(after.TotalAlloc-before.TotalAlloc)/frames
	t.Logf("%.1f allocations with %.0f bytes a frame", allocs, bytes)
	if allocs > 10 || bytes > size/10 {
		t.Errorf("%.1f allocations with %.0f bytes for a frame of %d bytes", allocs, bytes, size)
	}
}

func BenchmarkPublish(b *testing.B) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		for _, size := range []int{10_000, 60_000, 300_000} {
			b.Run(fmt.Sprintf("%s/%dkB", format, size/1000), func(b *testing.B) {
				s := newSender(b, format, size)
				s.send()
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					s.send()
				}
			})
		}
	}
}
