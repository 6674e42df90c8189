package agent

import (
	"context"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Health asks, through NATS as a hub does, whether an agent with this configuration serves its cameras. An error says
// what does not answer. Of an agent that finds its cameras by itself only the way to NATS is tried.
func Health(ctx context.Context, cfg Config) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	space, err := subject.NewSpace(cfg.SubjectRoot)
	if err != nil {
		return err
	}
	trusted, err := cfg.Trust.Options()
	if err != nil {
		return err
	}
	options := []nats.Option{nats.Name("bramble-agent health"), nats.NoReconnect()}
	nc, err := nats.Connect(cfg.Hub, slices.Concat(options, cfg.Credential.AgentOptions(), trusted)...)
	if err != nil {
		return fmt.Errorf("NATS at %s: %w", redact(cfg.Hub), err)
	}
	defer nc.Close()
	for _, c := range cfg.Cameras {
		msg, err := nc.RequestWithContext(ctx, space.Do(c.Name, subject.Info), nil)
		if err != nil {
			return fmt.Errorf("camera %s does not answer: %w", c.Name, err)
		}
		if _, err := status.Decode(msg.Data); err != nil {
			return fmt.Errorf("camera %s: %w", c.Name, err)
		}
	}
	return nil
}
