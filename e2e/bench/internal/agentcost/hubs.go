//go:build linux

package agentcost

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/shared/status"
)

// hubs prints what an agent costs with one hub, with three and ten consumers, and with no subscriber.
func (b *bench) hubs(ctx context.Context) error {
	s, err := b.startFixture(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	fmt.Println("| who watches one camera | RSS | CPU a frame | uplink a frame | frames | uplink |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, step := range []struct {
		name      string
		hubs      int
		consumers int
		pause     time.Duration
	}{
		{"one hub", 1, 0, settle},
		{"3 hubs and 10 consumers", 3, 10, settle},
		{"one hub again", 1, 0, settle + 5*time.Second}, // when the others have let go
		{"no viewer", 0, 0, settle + 15*time.Second},    // so has the agent
	} {
		if err := s.watch(ctx, step.hubs, step.consumers); err != nil {
			return err
		}
		if err := wait(ctx, step.pause); err != nil {
			return err
		}
		if err := s.row(ctx, step.name); err != nil {
			return err
		}
	}
	fmt.Println("goals: the second row as the third, within 2 %; the last: 0 frames")
	for _, v := range s.viewers {
		if err := v.broken(); err != nil {
			return err
		}
	}
	return nil
}

// fixture is three hubs at one NATS server, an agent whose uplink is counted, and who watches.
type fixture struct {
	*bench
	hubs      []*proc.Hub // the first has the NATS server
	meter     *byteCounter
	agent     *proc.Process
	nc        *nats.Conn
	viewers   []*viewers // of each hub
	consumers []*nats.Conn
}

func (b *bench) startFixture(ctx context.Context) (s *fixture, err error) {
	s = &fixture{bench: b}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	for i := range 3 {
		var h *proc.Hub
		if i == 0 {
			h, err = proc.StartHub(ctx, b.program("bramble-hub"), "--linger", "1s")
		} else {
			h, err = proc.StartHubAt(ctx, b.program("bramble-hub"), s.hubs[0].NATS, "--linger", "1s")
		}
		if err != nil {
			return s, err
		}
		s.hubs, s.viewers = append(s.hubs, h), append(s.viewers, &viewers{})
	}
	server, err := url.Parse(s.hubs[0].NATS)
	if err != nil {
		return s, err
	}
	if s.meter, err = startByteCounter(server.Host); err != nil {
		return s, err
	}
	if s.agent, err = b.startAgent(ctx, "nats://"+s.meter.addr, b.sources()[0].spec); err != nil {
		return s, err
	}
	s.nc, err = nats.Connect(s.hubs[0].NATS)
	return s, err
}

func (s *fixture) stop() {
	for _, v := range s.viewers {
		v.disconnect(0)
	}
	for _, c := range s.consumers {
		c.Close()
	}
	if s.nc != nil {
		s.nc.Close()
	}
	if s.agent != nil {
		s.agent.Kill()
	}
	if s.meter != nil {
		s.meter.stop()
	}
	for _, h := range s.hubs {
		h.Kill()
	}
}

// watch has a viewer at each of the first hubs, and so many consumers.
func (s *fixture) watch(ctx context.Context, hubs, consumers int) error {
	for i, h := range s.hubs {
		n := 0
		if i < hubs {
			n = 1
		}
		if err := s.viewers[i].setCount(ctx, h.Page+"cam/cam.mjpeg", n); err != nil {
			return err
		}
	}
	for len(s.consumers) > consumers {
		s.consumers[0].Close()
		s.consumers = s.consumers[1:]
	}
	for len(s.consumers) < consumers {
		c, err := nats.Connect(s.hubs[0].NATS)
		if err != nil {
			return err
		}
		s.consumers = append(s.consumers, c)
		if _, err := c.Subscribe("cam.cam.jpeg", func(*nats.Msg) {}); err != nil {
			return err
		}
	}
	return nil
}

// row measures the agent for the span of a figure.
func (s *fixture) row(ctx context.Context, name string) error {
	before, err := s.sent()
	if err != nil {
		return err
	}
	bytes := s.meter.sent.Load()
	u, err := s.measure(ctx, s.agent)
	if err != nil {
		return err
	}
	bytes = s.meter.sent.Load() - bytes
	after, err := s.sent()
	if err != nil {
		return err
	}
	cpu, uplink := "", ""
	if n := float64(after - before); n > 0 {
		cpu, uplink = fmt.Sprintf("%.0f µs", u.cpu*s.span.Seconds()*1e6/n), fmt.Sprintf("%.0f bytes", float64(bytes)/n)
	}
	fmt.Printf("| %s | %.2f MB | %s | %s | %d | %.0f B/s |\n", name, mb(u.memory.RSS), cpu, uplink, after-before,
		float64(bytes)/s.span.Seconds())
	return nil
}

// sent asks the agent how many frames it has sent.
func (s *fixture) sent() (uint64, error) {
	m, err := s.nc.Request("cam.cam.do.info", nil, 5*time.Second)
	if err != nil {
		return 0, err
	}
	st, err := status.Decode(m.Data)
	if err != nil {
		return 0, errors.Join(errors.New("the agent's answer"), err)
	}
	return st.Sent, nil
}
