package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/credkv"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/hubsync"
)

// hubsTimeout is how long to wait for answers from hubs.
const hubsTimeout = 2 * time.Second

// bucket compares the credentials file with the bucket that it follows.
func (e *examination) bucket(ctx context.Context) {
	cfg := e.cfg.CredentialsKV
	if cfg.Bucket == "" {
		return
	}
	cfg.File, cfg.Log = e.cfg.Credentials, e.cfg.Log
	b, err := credkv.Open(cfg, false)
	if err != nil {
		e.fail("bucket", err.Error(), "check that NATS runs there, "+
			"and that {credentials-kv-credential-file} belongs to an account with JetStream")
		return
	}
	defer b.Close()
	entry, err := b.Get(ctx)
	if err != nil {
		e.fail("bucket", err.Error(), "\"bramble-hub credentials push\" stores the credentials of this host")
		return
	}
	own, err := credstore.Read(e.cfg.Credentials)
	switch {
	case err != nil: // a finding of its own
	case own.Equal(entry.File):
		e.ok("bucket", "%s has the same credentials as %s, revision %d", cfg.Bucket, e.cfg.Credentials, own.Revision)
	default:
		e.warn("bucket", fmt.Sprintf("%s has revision %d of the credentials, %s has %d", cfg.Bucket,
			entry.File.Revision, e.cfg.Credentials, own.Revision), "bramble-hub credentials status")
	}
}

// hubs asks the hubs on NATS whether they have the credentials that are in this file.
func (e *examination) hubs(ctx context.Context, nc *nats.Conn) {
	book, err := credstore.Load(e.cfg.Credentials)
	if e.cfg.Credentials == "" || err != nil || book.HubKey() == nil {
		return // another check reports the credentials
	}
	ctx, cancel := context.WithTimeout(ctx, hubsTimeout)
	defer cancel()
	all, err := hubsync.Ask(ctx, nc, e.cfg.Space, book)
	if err != nil {
		e.fail("hubs", err.Error(), "give this hub all permissions on that NATS system")
		return
	}
	same := 0
	for _, h := range all {
		switch h.Credentials {
		case credstore.SameCredentials:
			same++
		case hubsync.ForeignKey:
			e.warn("hubs", "a hub on this NATS system has a different link key: logouts do not pass between the two",
				hubsync.Remedy+"; two systems need two {subject-root}")
		case hubsync.Unknown:
			e.warn("hubs", fmt.Sprintf("the clock of hub %s differs from this host's by minutes", h.Name),
				"timedatectl set-ntp true on both")
		default:
			e.warn("hubs", fmt.Sprintf("the credentials of hub %s differ from %s: %s", h.Name, e.cfg.Credentials,
				h.Credentials),
				hubsync.Remedy)
		}
	}
	if same > 0 {
		e.ok("hubs", "%d on this NATS system with these credentials", same)
	}
}
