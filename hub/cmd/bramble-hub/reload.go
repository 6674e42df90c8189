package main

import (
	"context"
	"io"
	"log/slog"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/logkey"
)

// readSettings reads flags, environment and file.
func readSettings(args []string) (*cli, *kong.Context, error) {
	c := &cli{}
	parser, err := kong.New(c, append(config.Options("bramble-hub", description, version),
		config.BriefHelp(settingsInHelp, examples()))...)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return nil, nil, err
	}
	if parsed, err = c.withServiceConfig(parser, parsed, args); err != nil {
		return nil, nil, err
	}
	c.credentialsNamed, c.auditLogIsDefault = c.Credentials != "", c.AuditLog == ""
	if c.auditLogIsDefault {
		c.AuditLog = defaultAudit()
	}
	if !c.credentialsNamed {
		c.Credentials, err = credstore.DefaultPath()
	}
	return c, parsed, err
}

// reloadable are the settings that change while the hub runs. Everything else needs a restart.
func reloadable() []string {
	return []string{
		"log-level", "max-viewers", "max-viewers-per-address", "max-viewers-per-camera", "max-connection-rate",
		"allow-origin", "allow-host", "default-camera", "write-timeout",
	}
}

// reloader puts changed settings in force.
type reloader struct {
	args     []string
	hub      *hub.Hub
	inForce  []config.Setting
	logLevel *slog.LevelVar
	log      *slog.Logger
}

// reload reads the settings again. If they are wrong, the previous ones stay in force.
func (r *reloader) reload(ctx context.Context) {
	c, parsed, err := readSettings(r.args)
	var cfg hub.Config
	if err == nil {
		cfg, err = c.hub(r.log)
	}
	if err == nil {
		cfg.RequireCredentialsFile = c.credentialsNamed
		err = r.hub.Reload(ctx, cfg)
	}
	if err != nil {
		r.log.Error("settings not reloaded: the previous ones stay in force", logkey.Err, err, "remedy",
			"correct them until \"bramble-hub check\" finds nothing, and reload again")
		return
	}
	r.logLevel.Set(c.Level())
	next, taken, left := config.Settings(parsed), []string{}, []string{}
	for _, name := range config.Diff(r.inForce, next) {
		if !slices.Contains(reloadable(), name) {
			left = append(left, name)
			continue
		}
		taken = append(taken, name)
		at := func(s config.Setting) bool { return s.Name == name }
		r.inForce[slices.IndexFunc(r.inForce, at)] = next[slices.IndexFunc(next, at)]
	}
	r.log.Info("settings read again", "changed", taken)
	if len(left) > 0 {
		r.log.Warn("some changed settings need a restart: until then the previous ones stay in force", "settings", left)
	}
}

// checkCommand is bramble-hub check.
type checkCommand struct{}

// check prints the settings in force and returns what is wrong with them.
func check(c *cli, parsed *kong.Context, log *slog.Logger, stdout io.Writer) error {
	if err := config.Print(stdout, config.Settings(parsed)); err != nil {
		return err
	}
	cfg, err := c.hub(log)
	if err != nil {
		return err
	}
	cfg.RequireCredentialsFile = c.credentialsNamed
	return hub.Check(cfg)
}
