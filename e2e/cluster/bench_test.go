package cluster

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// BenchmarkNATS: what a frame costs the NATS server of its agent, and the other two, with hubs here and there. A frame
// is published when all have the one before, as at a camera's rate, where nothing piles up.
func BenchmarkNATS(b *testing.B) {
	s := &fixture{t: b, files: testutil.NewNATSConfigs(b, natsFiles)}
	s.cluster()
	for _, size := range []int{84_000, 10_000} {
		for _, at := range [][]int{{}, {0}, {0, 0, 0}, {1}, {1, 1, 1}, {0, 1, 2}} {
			b.Run(fmt.Sprintf("%d bytes, hubs at %v", size, at), func(b *testing.B) { s.relay(b, size, at) })
		}
	}
}

// relay has hubs at these servers, and the agent at the first one.
func (s *fixture) relay(b *testing.B, size int, at []int) {
	got := make(chan struct{}, 1024)
	for _, node := range at {
		hub := s.client(b, testutil.HubKey, node)
		if _, err := hub.Subscribe("cam.porch.jpeg", func(*nats.Msg) { got <- struct{}{} }); err != nil {
			b.Fatal(err)
		}
		if err := hub.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	agent, frame := s.client(b, testutil.PorchKey, 0), make([]byte, size)
	publish := func() (n int) {
		if err := agent.Publish("cam.porch.jpeg", frame); err != nil {
			b.Fatal(err)
		}
		if err := agent.Flush(); err != nil {
			b.Fatal(err)
		}
		for range at {
			select {
			case <-got:
				n++
			case <-time.After(time.Second):
				return n
			}
		}
		return n
	}
	testutil.Eventually(b, "frames come through", func() bool { return publish() == len(at) })
	before := s.cpu(b)
	b.ResetTimer()
	for range b.N {
		if publish() != len(at) {
			b.Fatal("a frame is lost")
		}
	}
	b.StopTimer()
	after := s.cpu(b)
	b.ReportMetric(float64((after[0]-before[0]).Microseconds())/float64(b.N), "µs-agent's/frame")
	b.ReportMetric(float64((after[1]+after[2]-before[1]-before[2]).Microseconds())/float64(b.N), "µs-others/frame")
}

// client connects to one of the servers.
func (s *fixture) client(b *testing.B, key, node int) *nats.Conn {
	b.Helper()
	closed := make(chan struct{})
	nc, err := nats.Connect("nats://"+s.nodes[node].clients,
		append(s.files.Keys[key].Options(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		nc.Close()
		<-closed
	})
	return nc
}

// cpu is the processor time of each server.
func (s *fixture) cpu(b *testing.B) (all [3]time.Duration) {
	b.Helper()
	for i, n := range s.nodes {
		var err error
		if all[i], err = n.CPU(); err != nil {
			b.Fatal(err)
		}
	}
	return all
}
