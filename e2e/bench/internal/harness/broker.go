//go:build linux

package harness

import (
	"context"
	"fmt"
	"math"
	"os"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/shared/frame"
)

// startBroker starts a NATS server for the hub, on the generator's core, where what a peer pulls its camera from is
// too.
func (c Config) startBroker(ctx context.Context, s *Server) (url string, err error) {
	conf := c.Broker + ".conf"
	if err := os.WriteFile(conf, fmt.Appendf(nil, "listen: 127.0.0.1:-1\nmax_payload: %d\n", frame.MaxPayload),
		0o600); err != nil {
		return "", err
	}
	err = proc.OnCore(GeneratorCore, func() (err error) {
		s.broker, err = proc.Start(nil, c.Broker, "-c", conf)
		return err
	})
	if err != nil {
		return "", err
	}
	wait, cancel := context.WithTimeout(ctx, started)
	defer cancel()
	if err := s.broker.WaitOutput(wait, "Server is ready"); err != nil {
		return "", err
	}
	_, addr, ok := strings.Cut(s.broker.Output(), "Listening for client connections on ")
	if !ok {
		return "", fmt.Errorf("the NATS server does not say where it listens:\n%s", s.broker.Output())
	}
	addr, _, _ = strings.Cut(addr, "\n")
	return "nats://" + strings.TrimSpace(addr), nil
}

// BrokerUsage is what the hub's NATS server has used, if that is a process of its own; else NaN.
type BrokerUsage struct {
	CPU float64 // nanoseconds
	RSS float64 // bytes
}

// measureBroker begins to measure the NATS server; the returned function ends that.
func (s *Server) measureBroker() (end func() (BrokerUsage, error), err error) {
	none := BrokerUsage{math.NaN(), math.NaN()}
	if s.broker == nil {
		return func() (BrokerUsage, error) { return none, nil }, nil
	}
	var before time.Duration
	if before, err = s.broker.CPU(); err != nil {
		return nil, err
	}
	return func() (BrokerUsage, error) {
		after, err := s.broker.CPU()
		if err != nil {
			return none, err
		}
		m, err := s.broker.Memory()
		return BrokerUsage{float64(after - before), float64(m.RSS)}, err
	}, nil
}
