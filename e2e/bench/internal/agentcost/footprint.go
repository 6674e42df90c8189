//go:build linux

package agentcost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
)

// settle is how long an agent runs before it is measured: until its buffers have their sizes.
const settle = 10 * time.Second

// usage is what an agent used in a span of time.
type usage struct {
	memory proc.Memory
	cpu    float64 // of one core
}

// footprint prints memory and CPU of an agent whose camera has more and more viewers at a hub.
func (b *bench) footprint(ctx context.Context) error {
	fmt.Println("| camera | hub viewers | RSS | of it, not program file | CPU of a core |")
	fmt.Println("|---|---|---|---|---|")
	for _, s := range b.sources() {
		if err := b.footprintOf(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	fmt.Println("goals: RSS <= 15 MB; RSS and CPU with 500 viewers within 2 % of those with 1")
	return nil
}

func (b *bench) footprintOf(ctx context.Context, s source) error {
	h, err := b.startHub(ctx)
	if err != nil {
		return err
	}
	defer h.Kill()
	agent, err := b.startAgent(ctx, h.NATS, s.spec)
	if err != nil {
		return err
	}
	defer agent.Kill()
	v := &viewers{}
	defer v.disconnect(0)
	var most usage
	for _, n := range []int{1, 100, 500, 1} {
		if err := v.setCount(ctx, h.Page+"cam/cam."+s.stream, n); err != nil {
			return err
		}
		if err := wait(ctx, settle); err != nil {
			return err
		}
		u, err := b.measure(ctx, agent)
		if err != nil {
			return err
		}
		note := ""
		switch {
		case n == 500:
			most = u
		case most.memory.RSS > 0: // an agent grows a little in its first minutes, so what comes after is the fairer measure
			note = fmt.Sprintf(" (with 500: %+.1f %%)", 100*(float64(most.memory.RSS)/float64(u.memory.RSS)-1))
		}
		fmt.Printf("| %s | %d | %.1f MB%s | %.1f MB | %.1f %% |\n", s.name, n, mb(u.memory.RSS), note, mb(u.memory.Anon),
			100*u.cpu)
	}
	return v.broken()
}

// measure watches a process for the span of a figure.
func (b *bench) measure(ctx context.Context, p *proc.Process) (u usage, err error) {
	began := time.Now()
	before, err := p.CPU()
	if err != nil {
		return u, err
	}
	if err := wait(ctx, b.span); err != nil {
		return u, err
	}
	after, err := p.CPU()
	if err != nil {
		return u, err
	}
	u.cpu = (after - before).Seconds() / time.Since(began).Seconds()
	u.memory, err = p.Memory()
	return u, err
}

func mb(n int64) float64 { return float64(n) / 1e6 }

// viewers read a stream and throw it away.
type viewers struct {
	n       int
	cancels []context.CancelFunc // one for each
	running sync.WaitGroup
	mu      sync.Mutex
	failed  error // guarded by mu
}

// setCount lets viewers come or go until there are n.
func (v *viewers) setCount(ctx context.Context, url string, n int) error {
	v.disconnect(n)
	for ; v.n < n; v.n++ {
		ctx, cancel := context.WithCancel(ctx)
		v.cancels = append(v.cancels, cancel)
		resp, err := request(ctx, url)
		if err != nil {
			return err
		}
		v.running.Go(func() {
			_, err := io.Copy(io.Discard, resp.Body)
			if ctx.Err() == nil {
				v.mu.Lock()
				v.failed = errors.Join(errors.New("the hub has closed a viewer"), err)
				v.mu.Unlock()
			}
			_ = resp.Body.Close() // read to its end, or cut
		})
	}
	return nil
}

// request asks until the hub knows the camera.
func request(ctx context.Context, url string) (*http.Response, error) {
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}} // a connection for each viewer
	for try := 0; ; try++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode == http.StatusOK {
			return resp, nil
		}
		_ = resp.Body.Close() // asked again
		if try == 50 {
			return nil, fmt.Errorf("%s: %s", url, resp.Status)
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// broken returns why a viewer was closed by the hub, if one was.
func (v *viewers) broken() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.failed
}

// disconnect lets viewers go until there are n.
func (v *viewers) disconnect(n int) {
	for ; v.n > n; v.n-- {
		v.cancels[v.n-1]()
		v.cancels = v.cancels[:v.n-1]
	}
	if n == 0 {
		v.running.Wait()
	}
}
