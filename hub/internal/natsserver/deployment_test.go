package natsserver

import (
	"slices"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// startNATSServer starts a separate nats-server with a file and without the hub's additions.
func startNATSServer(t *testing.T, file string) fixture {
	t.Helper()
	opts, err := server.ProcessConfigFile(file)
	if err != nil {
		t.Fatal(err)
	}
	opts.NoSigs, opts.NoLog = true, true
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start() // StopServer ends it
	t.Cleanup(func() { testutil.StopServer(s) })
	if !s.ReadyForConnections(testutil.Timeout) {
		t.Fatal("the server is not ready")
	}
	return fixture{Server: &Server{s: s}}
}

// TestDeployment starts the example of a nats-server of one's own, and tries with it what is tried with the embedded
// server. A client that is not in the example may do nothing there.
func TestDeployment(t *testing.T) {
	files := testutil.NewNATSConfigs(t, shippedDir)
	s := startNATSServer(t, files.Path("nats.conf"))
	mine := files.Keys
	who := map[string]credential.Credential{"porch": mine[testutil.PorchKey], "garden": mine[testutil.GardenKey],
		"consumer": mine[testutil.ConsumerKey]}
	cells := cellsOf(who)
	for i := range cells { // the cells of those who are only at the embedded server
		cells[i].allowed = slices.DeleteFunc(cells[i].allowed,
			func(name string) bool { return name == "all" || name == "demo" })
	}
	s.tryAll(t, cells, who)
	hub := s.mustConnect(t, mine[testutil.HubKey])
	if _, err := hub.SubscribeSync(">"); err != nil || hub.MaxPayload() != frame.MaxPayload {
		t.Errorf("the hub: %v, max_payload %d", err, hub.MaxPayload())
	}
	if err := hub.Flush(); err != nil || hub.denied != nil {
		t.Errorf("the hub: %v, %q", err, hub.denied)
	}
	if _, err := s.connect(t); err == nil {
		t.Error("a client without a credential connects")
	}
}
