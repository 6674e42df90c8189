package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/bramble-cam/bramble/agent/internal/publish"
)

// Check connects to the hub once and asks whether this agent may serve its cameras there. Nothing is opened or published. The error says what helps. An agent on
// this host that serves a camera already is no trouble: it is about to be started anew.
func (a *Agent) Check(ctx context.Context) error {
	nc, err := publish.Try(ctx, publish.Link{
		URL: a.cfg.Hub, Name: "bramble-agent join " + a.cfg.Host, Credential: a.cfg.Credential, Trust: a.cfg.Trust, Log: a.log, OnDenied: a.denied.note,
	})
	if err != nil {
		return fmt.Errorf("the hub cannot be joined: %w", err)
	}
	defer nc.Close()
	var errs []error
	for _, c := range a.cameras {
		err := a.mayServe(ctx, nc, c.name)
		var taken *takenError
		if errors.As(err, &taken) && taken.by.Host == a.cfg.Host {
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
