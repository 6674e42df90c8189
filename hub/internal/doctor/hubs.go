package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/hubsync"
)

// hubsTime is how long hubs have to answer.
const hubsTime = 2 * time.Second

// hubs asks the hubs on NATS whether they have the credentials that are in this file.
func (e *examination) hubs(ctx context.Context, nc *nats.Conn) {
	book, err := access.Load(e.cfg.Credentials)
	if e.cfg.Credentials == "" || err != nil || book.HubKey() == nil {
		return // the credentials are a finding of their own
	}
	ctx, cancel := context.WithTimeout(ctx, hubsTime)
	defer cancel()
	all, err := hubsync.Ask(ctx, nc, e.cfg.Space, book)
	if err != nil {
		e.fail("hubs", err.Error(), "let this hub do everything on that NATS system")
		return
	}
	same := 0
	for _, h := range all {
		switch h.Credentials {
		case access.SameCredentials:
			same++
		case hubsync.ForeignKey:
			e.warn("hubs", "a hub on this NATS system has another link key: log-outs are not told between the two",
				"copy the newer credentials file to the other hub; two systems need two --subject-root")
		case hubsync.Unknown:
			e.warn("hubs", fmt.Sprintf("the clock of hub %s differs from this host's by minutes", h.Name),
				"timedatectl set-ntp true on both")
		default:
			e.warn("hubs", fmt.Sprintf("hub %s has other credentials than %s: %s", h.Name, e.cfg.Credentials, h.Credentials),
				"copy the newer credentials file to the other hub")
		}
	}
	if same > 0 {
		e.ok("hubs", "%d on this NATS system with these credentials", same)
	}
}
