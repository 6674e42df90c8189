package proc

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// startTime bounds how long a program may take until it serves.
const startTime = 15 * time.Second

// Hub is a bramble-hub that serves.
type Hub struct {
	*Process
	Page string // URL, ends with a slash
	NATS string // URL of the server that it uses
}

// StartHub starts a bramble-hub on free loopback ports, and waits until it serves. args come before the addresses, so
// that the first may be a command.
func StartHub(ctx context.Context, program string, args ...string) (*Hub, error) {
	return startHub(ctx, program, "", append(args, "--nats", "127.0.0.1:0"))
}

// StartHubAt is StartHub without an embedded server: the hub uses the one at natsURL.
func StartHubAt(ctx context.Context, program, natsURL string, args ...string) (*Hub, error) {
	return startHub(ctx, program, natsURL, append(args, "--nats-url", natsURL))
}

func startHub(ctx context.Context, program, natsURL string, args []string) (*Hub, error) {
	p, err := Start(nil, program, append(args, "--http", "127.0.0.1:0", "--log-format", "json")...)
	if err != nil {
		return nil, err
	}
	h := &Hub{Process: p, NATS: natsURL}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := p.WaitOutput(ctx, `"page":`); err != nil { // the last that it says: its NATS server is ready by then
		p.Kill()
		return nil, err
	}
	for line := range strings.Lines(p.Output()) {
		var said struct{ Msg, Page, URL string }
		if json.Unmarshal([]byte(line), &said) != nil {
			continue // half a line
		}
		if said.Page != "" {
			h.Page = said.Page
		}
		if said.Msg == "NATS ready" {
			h.NATS = said.URL
		}
	}
	if h.Page == "" || h.NATS == "" {
		p.Kill()
		return nil, fmt.Errorf("the hub does not say where it is:\n%s", p.Output())
	}
	return h, nil
}
