package ingest

import (
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/setting"
)

// explainRefusal returns why NATS refuses this hub or this hub NATS, and the remedy. Of other errors it returns
// nothing.
func explainRefusal(trust tlstrust.Settings, err error) (what string, remedy error) {
	if errors.Is(err, nats.ErrAuthorization) {
		return "NATS refuses this hub", setting.Errorf("make it known there, and give its NKey with {nats-credential-file}")
	}
	if what, remedy = trust.Explain(err); what != "" {
		what = "this hub does not trust the NATS system of nats-url, and sends it nothing: " + what
	}
	return what, remedy
}
