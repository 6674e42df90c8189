package natsd

import (
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/shared/credential"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/testkit"
)

// TestDeployment starts the example of a nats-server of one's own, and tries with it what is tried with the embedded server. Whoever is not in the example
// may nothing there.
func TestDeployment(t *testing.T) {
	files := testkit.ShipNATS(t, shippedDir)
	s := site{Server: start(t, Config{File: files.Path("nats.conf")})}
	mine := files.Keys
	who := map[string]credential.Credential{"porch": mine[testkit.PorchKey], "garden": mine[testkit.GardenKey], "consumer": mine[testkit.ConsumerKey]}
	cells := cellsOf(who)
	for i := range cells { // the cells of those who are only at the embedded server
		cells[i].allowed = slices.DeleteFunc(cells[i].allowed, func(name string) bool { return name == "all" || name == "demo" })
	}
	s.tryAll(t, cells, who)
	hub := s.mustConnect(t, mine[testkit.HubKey])
	if _, err := hub.SubscribeSync(">"); err != nil || hub.MaxPayload() != frame.MaxPayload {
		t.Errorf("the hub: %v, max_payload %d", err, hub.MaxPayload())
	}
	if err := hub.Flush(); err != nil || hub.denied != nil {
		t.Errorf("the hub: %v, %q", err, hub.denied)
	}
	if _, err := s.connect(t); err == nil {
		t.Error("somebody without a credential is let in")
	}
}
