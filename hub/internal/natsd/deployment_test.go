package natsd

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/shared/credential"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestDeployment starts the example of a nats-server of one's own, and tries with it what is tried with the embedded server. Whoever is not in the example
// may nothing there.
func TestDeployment(t *testing.T) {
	data, err := os.ReadFile("../../../deployments/nats/nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	var keys []string
	for _, m := range regexp.MustCompile(`nkey: (U[A-Z2-7]{55})`).FindAllStringSubmatch(text, -1) {
		keys = append(keys, m[1])
	}
	if len(keys) != 4 {
		t.Fatalf("the example has the keys %q", keys)
	}
	var mine []credential.Credential
	for _, key := range keys {
		c, err := credential.New()
		if err != nil {
			t.Fatal(err)
		}
		mine = append(mine, c)
		text = strings.ReplaceAll(text, key, c.Public())
	}
	text = regexp.MustCompile(`(?m)^listen:.*$`).ReplaceAllString(text, `listen: "127.0.0.1:-1"`)
	s := site{Server: start(t, Config{File: write(t, text)})}
	who := map[string]credential.Credential{"porch": mine[1], "garden": mine[2], "consumer": mine[3]}
	cells := cellsOf(who)
	for i := range cells { // the cells of those who are only at the embedded server
		cells[i].allowed = slices.DeleteFunc(cells[i].allowed, func(name string) bool { return name == "all" || name == "demo" })
	}
	s.tryAll(t, cells, who)
	hub := s.mustConnect(t, mine[0])
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
