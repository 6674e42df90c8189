//go:build linux

package agentcost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
)

const interval = time.Second / 30

// latency prints how long a frame takes from when it is complete until a subscriber has it: the server and the
// subscriber are included, so the frame was on the wire earlier.
func (b *bench) latency(ctx context.Context) error {
	fmt.Println("| camera | frames | median | p99 | most | lost or late |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, s := range b.sources() {
		times, err := b.sourceLatency(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		printLatency(s.name+", from Cam-Time", times, 0)
	}
	times, lost, err := b.rpicamLatency(ctx)
	if err != nil {
		return fmt.Errorf("rpicam: %w", err)
	}
	printLatency("the fake rpicam-vid, H.264, from when it may write", times, lost)
	fmt.Println("goal: frame complete to message on the wire, median < 1 ms")
	return nil
}

func printLatency(name string, times []time.Duration, lost int) {
	if len(times) == 0 {
		fmt.Printf("| %s | 0 | | | | %d |\n", name, lost)
		return
	}
	slices.Sort(times)
	at := func(q float64) float64 { return times[int(q*float64(len(times)-1))].Seconds() * 1e3 }
	fmt.Printf("| %s | %d | %.2f ms | %.2f ms | %.2f ms | %d |\n", name, len(times), at(0.5), at(0.99), at(1), lost)
}

// arrival is a frame and when the subscriber had it.
type arrival struct {
	frame frame.Frame
	at    time.Time
}

// subscribe sends the camera's frames to got.
func subscribe(natsURL string, format frame.Format) (got chan arrival, leave func(), err error) {
	nc, err := nats.Connect(natsURL)
	if err != nil {
		return nil, nil, err
	}
	got = make(chan arrival, 1<<16)
	_, err = nc.Subscribe("cam.cam."+string(format), func(m *nats.Msg) {
		at := time.Now()
		if f, err := frame.Decode(format, frame.Header(m.Header), m.Data); err == nil { // else a probe
			f.Payload = nil
			got <- arrival{f, at}
		}
	})
	return got, nc.Close, err
}

// sourceLatency compares arrival with the capture time, which a file or a test card takes when the frame is complete
// (or before it is drawn).
func (b *bench) sourceLatency(ctx context.Context, s source) (times []time.Duration, err error) {
	h, err := b.startHub(ctx)
	if err != nil {
		return nil, err
	}
	defer h.Kill()
	agent, err := b.startAgent(ctx, h.NATS, s.spec)
	if err != nil {
		return nil, err
	}
	defer agent.Kill()
	format := frame.JPEG
	if s.stream == "h264" {
		format = frame.H264
	}
	got, leave, err := subscribe(h.NATS, format)
	if err != nil {
		return nil, err
	}
	defer leave()
	first := <-got
	for {
		select {
		case a := <-got:
			if a.at.Sub(first.at) > time.Second {
				times = append(times, a.at.Sub(a.frame.CaptureTime))
			}
			if a.at.Sub(first.at) > b.span+time.Second {
				return times, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// rpicamLatency lets the fake rpicam-vid write one frame at a time and waits for it. A frame that came only with the
// next one would count as late.
func (b *bench) rpicamLatency(ctx context.Context) (times []time.Duration, lost int, err error) {
	h, err := b.startHub(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer h.Kill()
	fifo := filepath.Join(b.dir, "tokens")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		return nil, 0, err
	}
	tokens, err := os.OpenFile(fifo, os.O_RDWR, 0) // never blocks, even without a reader
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = tokens.Close() }() // nothing is kept in it
	agent, err := b.startAgent(ctx, h.NATS, "rpicam:0#codec=h264&size=1280x720&fps=30&warmup=0s",
		"PATH="+b.dir+":"+os.Getenv("PATH"), "BRAMBLE_FAKE_RPICAM=fast", "BRAMBLE_FAKE_RPICAM_PLATFORM=vc4",
		"BRAMBLE_FAKE_RPICAM_CLIP="+b.h264, "BRAMBLE_FAKE_RPICAM_TOKENS="+fifo)
	if err != nil {
		return nil, 0, err
	}
	defer agent.Kill()
	got, leave, err := subscribe(h.NATS, frame.H264)
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	if err := start(ctx, tokens, got); err != nil {
		return nil, 0, fmt.Errorf("%w; the agent said:\n%s", err, agent.Output())
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for len(times)+lost < int(b.span/interval) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
		released := time.Now()
		if _, err := tokens.Write([]byte{1}); err != nil {
			return nil, 0, err
		}
		select {
		case a := <-got:
			times = append(times, a.at.Sub(released))
		case <-time.After(interval * 9 / 10):
			lost++
		}
	}
	return times, lost, nil
}

// start lets the fake rpicam-vid write frames until they arrive, and waits until all of them have.
func start(ctx context.Context, tokens io.Writer, got <-chan arrival) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	arrived := 0
	for range 450 {
		if arrived < 30 {
			if _, err := tokens.Write([]byte{1}); err != nil {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		n := len(got)
		for range n {
			<-got
		}
		arrived += n
		if arrived >= 30 && n == 0 {
			return wait(ctx, 10*interval)
		}
	}
	return errors.New("no frames from the fake rpicam-vid")
}
