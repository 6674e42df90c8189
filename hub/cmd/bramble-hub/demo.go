package main

import (
	"context"
	"embed"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/bramble-cam/bramble/agent"
	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// clips are two loops of H.264; clips/make-clips.sh makes them.
//
//go:embed clips/*.h264
var clips embed.FS

// demo is a hub with an agent in the same process, which talk over NATS as if they were far apart.
type demo struct {
	hub  *hub.Hub
	root string // of the subjects
	log  *slog.Logger
}

func (d demo) cameras() []agent.Camera {
	return []agent.Camera{
		{Name: "garden", Source: "file:clips/garden.h264#fps=25"},
		{Name: "lab-bench", Source: "pattern:#size=1280x720&fps=15"},
		{Name: "porch", Source: "pattern:#size=960x540&fps=10"},
		{Name: "workshop", Source: "file:clips/workshop.h264#fps=25"},
	}
}

// run stops the agent before the hub, so that the agent can say goodbye.
func (d demo) run(ctx context.Context) error {
	hubCtx, stopHub := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHub()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return d.hub.Run(hubCtx) })
	g.Go(func() error {
		defer stopHub()
		return d.runAgent(ctx)
	})
	return g.Wait()
}

func (d demo) runAgent(ctx context.Context) error {
	_, nats, err := d.hub.WaitStarted(ctx)
	if err != nil {
		return nil //nolint:nilerr // the hub did not start, and says why itself
	}
	space, err := subject.NewSpace(d.root)
	if err != nil {
		return err
	}
	var names []string
	for _, c := range d.cameras() {
		names = append(names, c.Name)
	}
	cred, err := d.hub.IssueAgentCredential(names...)
	if err != nil {
		return err
	}
	a, err := agent.New(agent.Config{Hub: nats, Credential: cred, Trust: d.hub.Trust(), SubjectRoot: d.root,
		Cameras: d.cameras(), Host: "demo", Version: version, Files: clips, Log: d.log})
	if err != nil {
		return err
	}
	d.log.Info("demo: open the page in a browser, stop with Ctrl-C", "page", d.hub.Page(), "subscribe",
		"nats sub -s "+nats+" "+space.Frames("porch", frame.JPEG))
	return a.Run(ctx)
}
