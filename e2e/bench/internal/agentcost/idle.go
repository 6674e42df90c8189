//go:build linux

package agentcost

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
)

// idle prints what an agent sends, and what it costs, without viewers.
func (b *bench) idle(ctx context.Context) error {
	h, err := b.startHub(ctx)
	if err != nil {
		return err
	}
	defer h.Kill()
	server, err := url.Parse(h.NATS)
	if err != nil {
		return err
	}
	m, err := startByteCounter(server.Host)
	if err != nil {
		return err
	}
	defer m.stop()
	agent, err := b.startAgent(ctx, "nats://"+m.addr, b.sources()[1].spec)
	if err != nil {
		return err
	}
	defer agent.Kill()
	if err := wait(ctx, settle); err != nil {
		return err
	}
	sent := m.sent.Load()
	u, err := b.measure(ctx, agent)
	if err != nil {
		return err
	}
	fmt.Println("| no viewers | measured | goal |")
	fmt.Println("|---|---|---|")
	fmt.Printf("| uplink, payload of TCP | %.0f B/s | 0 frames, <= 200 B/s |\n",
		float64(m.sent.Load()-sent)/b.span.Seconds())
	fmt.Printf("| RSS | %.1f MB | <= 15 MB |\n", mb(u.memory.RSS))
	fmt.Printf("| CPU of a core | %.1f %% | |\n", 100*u.cpu)
	return nil
}

// byteCounter passes connections on to a server and counts what is sent to it.
type byteCounter struct {
	addr     string
	listener net.Listener
	sent     atomic.Int64
	running  sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn // guarded by mu
}

func startByteCounter(server string) (*byteCounter, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &byteCounter{addr: l.Addr().String(), listener: l}
	m.running.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // stopped
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close() // it will try again
				continue
			}
			m.mu.Lock()
			m.conns = append(m.conns, client, upstream)
			m.mu.Unlock()
			m.running.Go(func() { copyCounting(client, upstream, &m.sent) })
			m.running.Go(func() { copyCounting(upstream, client, new(atomic.Int64)) })
		}
	})
	return m, nil
}

func copyCounting(from, to net.Conn, n *atomic.Int64) {
	defer func() { _, _ = from.Close(), to.Close() }() // ends the other direction too
	buf := make([]byte, 32<<10)
	for {
		k, err := from.Read(buf)
		n.Add(int64(k))
		if err == nil {
			_, err = to.Write(buf[:k])
		}
		if err != nil {
			return
		}
	}
}

func (m *byteCounter) stop() {
	_ = m.listener.Close() // nothing is lost
	m.mu.Lock()
	for _, c := range m.conns {
		_ = c.Close() // ends pass
	}
	m.mu.Unlock()
	m.running.Wait()
}
