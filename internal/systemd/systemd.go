// Package systemd turns a program of this host on as a service of systemd.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/bramble-cam/bramble/internal/subprocess"
)

// ErrNoSystemd says that this host was not started by systemd.
var ErrNoSystemd = errors.New("systemd does not run here")

// Manager is systemd. The zero value is this host's.
type Manager struct {
	Booted string // the folder that is there if systemd runs; "" means /run/systemd/system, as sd_booted(3) has it
	Tool   string // "" means systemctl
}

// Start has the unit started now, or started again if it runs, and at each start of the host. It returns when the
// unit says that it is up. The error names where the unit's own words are.
func (m Manager) Start(ctx context.Context, unit string) error {
	booted, tool := m.Booted, m.Tool
	if booted == "" {
		booted = "/run/systemd/system"
	}
	if tool == "" {
		tool = "systemctl"
	}
	if _, err := os.Stat(booted); err != nil {
		return ErrNoSystemd
	}
	for _, command := range []string{"enable", "restart"} {
		out, err := subprocess.Run(ctx, subprocess.Config{
			Path: tool, Args: []string{"--quiet", command, unit}, Log: slog.New(slog.DiscardHandler),
		}, func(_ context.Context, p subprocess.Pipes) error {
			_, err := io.Copy(io.Discard, p.Stdout)
			return err
		})
		if err = errors.Join(err, out.WaitErr); err != nil {
			return fmt.Errorf("systemctl %s %s: %w: %s: \"journalctl -u %s\" says more", command, unit, err,
				out.LastStderr, unit)
		}
	}
	return nil
}
