package hub

import (
	"context"
	"fmt"

	"github.com/bramble-cam/bramble/hub/internal/natsserver"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/hub/internal/web"
)

// Check reports whether a hub with this configuration could start, as far as that is known without starting anything.
func Check(cfg Config) error {
	h, err := New(cfg)
	if err != nil || cfg.NATSURL != "" {
		return err
	}
	return natsserver.Check(natsserver.Config{Addr: h.cfg.NATS, File: h.cfg.NATSConfig})
}

// Reload applies the settings of cfg that can change while viewers watch: Limits, AllowOrigins, AllowHosts,
// DefaultCamera and WriteTimeout. All others are checked and take effect at the next start. After an error nothing has
// changed. It waits until the hub has started, or ctx ends.
func (h *Hub) Reload(ctx context.Context, cfg Config) error {
	select {
	case <-h.started:
	case <-ctx.Done():
		return fmt.Errorf("the hub has not started: %w", ctx.Err())
	}
	if err := Check(cfg); err != nil {
		return err
	}
	h.server.Update(cfg.runtime())
	return nil
}

// runtime returns the settings that can change while viewers watch.
func (c *Config) runtime() web.RuntimeConfig {
	return web.RuntimeConfig{
		Limits: viewers.Limits(c.Limits), AllowOrigins: c.AllowOrigins, AllowHosts: c.AllowHosts,
		DefaultCamera: c.DefaultCamera, WriteTimeout: c.WriteTimeout,
	}
}
