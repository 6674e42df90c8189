//go:build linux

package agentcost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"runtime/metrics"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/agent"
	"github.com/bramble-cam/bramble/shared/status"
)

// largeObject is the size in bytes above which the Go runtime counts an allocation as a large one; frames are larger.
const largeObject = 32 << 10

// allocations runs agents in this process, which does nothing else, since only a process itself can count what it
// allocates.
func (b *bench) allocations(ctx context.Context) error {
	fmt.Println("| camera | allocations a frame | bytes a frame | of them larger than 32 KiB |")
	fmt.Println("|---|---|---|---|")
	for _, s := range b.sources() {
		if err := b.allocationsOf(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	fmt.Println("goals: <= 10 allocations a frame, none of them the size of a frame")
	return nil
}

func (b *bench) allocationsOf(ctx context.Context, s source) error {
	h, err := b.startHub(ctx)
	if err != nil {
		return err
	}
	defer h.Kill()
	camera, err := agent.ParseCamera("cam=" + s.spec)
	if err != nil {
		return err
	}
	a, err := agent.New(agent.Config{
		Hub: h.NATS, Cameras: []agent.Camera{camera}, Linger: time.Hour, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return err
	}
	agentCtx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- a.Run(agentCtx) }()
	defer func() {
		stop()
		<-ended //nolint:errcheck // the context ended it
	}()
	nc, err := nats.Connect(h.NATS)
	if err != nil {
		return err
	}
	defer nc.Close()
	if err := wake(ctx, nc); err != nil {
		// it stays live for the linger time, without a subscriber that would allocate here
		return err
	}
	if err := wait(ctx, settle); err != nil {
		return err
	}
	frames, objects, bytes, large, err := counted(nc)
	if err != nil {
		return err
	}
	if err := wait(ctx, b.span); err != nil {
		return err
	}
	frames2, objects2, bytes2, large2, err := counted(nc)
	if err != nil {
		return err
	}
	n := float64(frames2 - frames)
	fmt.Printf("| %s | %.1f | %.0f | %d in %.0f frames |\n", s.name, float64(objects2-objects)/n, float64(bytes2-bytes)/n,
		large2-large, n)
	return nil
}

// wake opens the camera as a hub does.
func wake(ctx context.Context, nc *nats.Conn) error {
	for {
		_, err := nc.Request("cam.cam.do.wake", nil, time.Second)
		if !errors.Is(err, nats.ErrNoResponders) {
			return err
		}
		if err := wait(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// counted returns how many frames the camera has sent, and how many objects and bytes this process has allocated.
func counted(nc *nats.Conn) (frames, objects, bytes, large uint64, err error) {
	msg, err := nc.Request("cam.cam.do.info", nil, 5*time.Second)
	if err != nil {
		return 0, 0, 0, 0, err
	}
	s, err := status.Decode(msg.Data)
	if err != nil {
		return 0, 0, 0, 0, err
	}
	samples := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/allocs-by-size:bytes"}}
	metrics.Read(samples)
	sizes := samples[2].Value.Float64Histogram()
	for i, n := range sizes.Counts {
		if low := sizes.Buckets[i]; low >= largeObject && !math.IsInf(low, 0) {
			large += n
		}
	}
	return s.Sent, samples[0].Value.Uint64(), samples[1].Value.Uint64(), large, nil
}
