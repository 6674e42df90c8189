package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/agent"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/logkey"
)

// readSettings reads flags, environment and file.
func readSettings(args []string) (*cli, *kong.Context, error) {
	c := &cli{}
	parser, err := kong.New(c, append(config.Options("bramble-agent", description, version),
		config.BriefHelp(settingsInHelp, examples()))...)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := parser.Parse(args)
	return c, parsed, err
}

// reloader puts changed settings in force: the cameras, and the level of the log.
type reloader struct {
	args     []string
	agent    *agent.Agent
	inForce  []config.Setting
	logLevel *slog.LevelVar
	log      *slog.Logger
}

// reload reads the settings again. If they are wrong, the previous ones stay in force.
func (r *reloader) reload(ctx context.Context) {
	c, parsed, err := readSettings(r.args)
	var cfg agent.Config
	if err == nil {
		cfg, err = c.agent(r.log)
	}
	if err == nil {
		_, err = agent.New(cfg) // looks at all of it, and starts nothing
	}
	if err != nil {
		r.logFailure(err)
		return
	}
	next := config.Settings(parsed)
	changed := config.Diff(r.inForce, next)
	taken, left := []string{}, []string{}
	for _, name := range changed {
		switch name {
		case "log-level":
			r.logLevel.Set(c.Level())
		case "camera":
			if err = r.agent.Reload(ctx, cfg.Cameras); err != nil {
				if !errors.Is(err, agent.ErrAutomatic) {
					r.logFailure(err)
					return
				}
				left = append(left, name)
				continue
			}
		default:
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

func (r *reloader) logFailure(err error) {
	r.log.Error("settings not reloaded: the previous ones stay in force", logkey.Err, err, "remedy",
		"correct them until \"bramble-agent check\" finds nothing, and reload again")
}

// checkCommand is bramble-agent check.
type checkCommand struct{}

// check prints the settings in force and returns what is wrong with them.
func check(c *cli, parsed *kong.Context, log *slog.Logger, stdout io.Writer) error {
	if err := config.Print(stdout, config.Settings(parsed)); err != nil {
		return err
	}
	cfg, err := c.agent(log)
	if err != nil {
		return err
	}
	_, err = agent.New(cfg)
	return err
}
