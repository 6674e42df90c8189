package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/agent/internal/publish"
)

// acceptDelay is how long a hub may take to accept an agent that was just added: it checks its file once a second.
const acceptDelay = 2 * time.Second

// Check connects to the hub once and asks whether this agent may serve its cameras there. Nothing is opened or
// published. The error says what helps. Another agent on this host may serve a camera already: it
// is about to be restarted.
func (a *Agent) Check(ctx context.Context) error {
	link := publish.ConnConfig{
		URL: a.cfg.Hub, Name: "bramble-agent join " + a.cfg.Host,
		Credential: a.cfg.Credential, Trust: a.cfg.Trust, Log: a.log, OnDenied: a.permissions.denied,
		NoCredential: "on the hub, \"sudo bramble-hub agent add NAME\" prints one; " +
			"paste it when join asks for it, or give --token-file FILE",
	}
	nc, err := publish.Probe(ctx, link)
	if errors.Is(err, nats.ErrAuthorization) && !a.cfg.Credential.IsZero() {
		select {
		case <-ctx.Done():
		case <-time.After(acceptDelay):
		}
		nc, err = publish.Probe(ctx, link)
	}
	if err != nil {
		return fmt.Errorf("the hub cannot be joined: %w", err)
	}
	defer nc.Close()
	var errs []error
	for _, c := range a.cameras {
		err := a.checkConflict(ctx, nc, c.name)
		var taken *conflictError
		if errors.As(err, &taken) && taken.by.Host == a.cfg.Host {
			continue
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
