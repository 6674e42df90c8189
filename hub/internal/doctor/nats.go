package doctor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
)

// answerTimeout is how long a server has to answer.
const answerTimeout = 2 * time.Second

// serverInfo is what a NATS server sends first, before authentication.
type serverInfo struct {
	Name       string `json:"server_name"`
	Version    string `json:"version"`
	MaxPayload int64  `json:"max_payload"`
	Headers    bool   `json:"headers"`
}

// readINFO reads the first line of a NATS server.
func readINFO(ctx context.Context, addr string) (info serverInfo, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return info, err
	}
	defer func() { _ = conn.Close() }() // it was only read
	if err := conn.SetReadDeadline(time.Now().Add(answerTimeout)); err != nil {
		return info, err
	}
	line, err := bufio.NewReader(io.LimitReader(conn, 64<<10)).ReadString('\n')
	text, ok := strings.CutPrefix(line, "INFO ")
	if err != nil || !ok || json.Unmarshal([]byte(text), &info) != nil {
		return info, errors.New("what listens there is no NATS server, or one that begins with TLS")
	}
	return info, nil
}

// nats looks at NATS, embedded or elsewhere, and at the agents if it can be reached.
func (e *examination) nats(ctx context.Context) {
	if e.cfg.NATSURL != "" {
		if e.checkExternalNATS(ctx) {
			e.agents(ctx, e.cfg.NATSURL)
		}
		return
	}
	if e.cfg.NATSConfigured {
		e.ok("NATS", "its configuration file says where it listens; that is not looked at here")
		return
	}
	free, err := isFree(e.cfg.NATS)
	if free {
		e.ok("NATS", "%s is free. No hub runs there, so agents cannot be looked at", e.cfg.NATS)
		return
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		e.fail("NATS", err.Error(), "choose another address with {nats}")
		return
	}
	here := localAddr(e.cfg.NATS)
	info, err := readINFO(ctx, here)
	switch {
	case err != nil:
		e.fail("NATS", fmt.Sprintf("%s is taken: %v", e.cfg.NATS, err),
			"choose another address with {nats}, or end the other program: ss -ltnp shows which it is")
	case info.Name != "bramble-hub":
		e.fail("NATS", fmt.Sprintf("%s is taken by a NATS server %s", e.cfg.NATS, info.Version),
			"use it with {nats-url} nats://"+here+", or choose another address with {nats}")
	default:
		e.ok("NATS", "a hub runs at %s, with NATS %s", e.cfg.NATS, info.Version)
		e.agents(ctx, "nats://"+here)
	}
}

// checkExternalNATS looks at the servers of --nats-url, and reports whether the hub is let in.
func (e *examination) checkExternalNATS(ctx context.Context) bool {
	reached := 0
	for server := range strings.SplitSeq(e.cfg.NATSURL, ",") {
		server = strings.TrimSpace(server)
		if !strings.Contains(server, "://") {
			server = "nats://" + server
		}
		u, err := url.Parse(server)
		if err != nil || u.Host == "" {
			e.fail("NATS", "{nats-url} has an URL that cannot be read", "write nats://HOST:PORT")
			continue
		}
		addr := u.Host
		if u.Port() == "" {
			addr = net.JoinHostPort(u.Hostname(), "4222")
		}
		info, err := readINFO(ctx, addr)
		switch {
		case err != nil:
			e.warn("NATS", fmt.Sprintf("%s: %v", addr, err),
				"see that the server runs there and that no firewall is between")
			continue
		case !info.Headers:
			e.fail("NATS", fmt.Sprintf("%s is version %s, without headers", addr, info.Version),
				"nats-server 2.2 or newer is needed")
			continue
		case info.MaxPayload < frame.MaxPayload:
			e.warn("NATS", fmt.Sprintf("%s is version %s and takes messages of %d kB only: larger pictures are "+
				"dropped", addr, info.Version, info.MaxPayload>>10),
				"max_payload: 8MB in its configuration, as in deployments/nats/nats.conf")
		default:
			e.ok("NATS", "%s is version %s", addr, info.Version)
		}
		reached++
	}
	if reached == 0 {
		e.fail("NATS", "no server of {nats-url} is reached",
			"start one; the hub waits for it, and has no cameras meanwhile")
	}
	return reached > 0
}

// connect connects as the hub would.
func (e *examination) connect(urls string) (*nats.Conn, error) {
	options, err := e.cfg.Trust.Options()
	if err != nil {
		return nil, err
	}
	options = append(options, nats.Name("bramble-hub doctor"), nats.Timeout(answerTimeout), nats.NoReconnect())
	return nats.Connect(urls, append(options, e.cfg.Credential.Options()...)...)
}
