package natsserver

import (
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/netutil"
)

// Limits for all clients of the server. A configuration file may override them.
const (
	// maxSubTokens is how many tokens the subject of a subscription may have.
	// The longest subjects of the project have seven: a root of four, a camera, do.VERB.
	// Each additional token costs the server some 400 bytes: 6 MB of subscriptions with 1,900 tokens each took 1.2 GB.
	maxSubTokens = 8

	// maxControlLine is how long a line of the protocol may be, in bytes.
	// The longest lines of the project have less than 700: TestControlLine.
	maxControlLine = 1024

	// maxSubs is how many subscriptions any connection may have. The hub has one for each camera and format.
	// Other connections have much smaller bounds: subsFor.
	maxSubs = 16384

	// maxConns is the total number of connections.
	maxConns = 8192
)

// Limits for one party. Run counts the subscriptions.
const (
	agentConns    = 4  // one for its cameras, others for bramble-agent health and old connections that have not ended yet
	consumerConns = 32 // a group of workers shares a credential

	baseSubs      = 64 // of a connection, beside those for cameras
	subsPerCamera = 32 // an agent has 14 for each; a consumer may have several programs on one connection

	// banTime is how long a credential is refused after one of its connections has exceeded a limit.
	// Until the excess is noticed it costs other clients something.
	banTime = 10 * time.Second
)

// Limits for what a consumer publishes. A question needs a hundred bytes.
const (
	consumerBytes      = 64 << 10 // a second
	consumerBytesBurst = 1 << 20
	consumerMsgs       = 500 // a second
	consumerMsgsBurst  = 2000
)

// Connections that have not shown a credential yet. nats-server ends them after 2 s.
const (
	strangersOfAddress = 128
	strangersInAll     = 1024
)

// bound sets the limits that the configuration file does not set.
func bound(opts *server.Options) {
	if opts.MaxSubs == 0 {
		opts.MaxSubs = maxSubs
	}
	if opts.MaxSubTokens == 0 {
		opts.MaxSubTokens = maxSubTokens
	}
	if opts.MaxConn == 0 {
		opts.MaxConn = maxConns
	}
	// The CONNECT line contains the JWT, which may be longer.
	if opts.MaxControlLine == 0 &&
		len(opts.TrustedOperators) == 0 && len(opts.TrustedKeys) == 0 && opts.AuthCallout == nil {
		opts.MaxControlLine = maxControlLine
	}
}

// subsFor returns how many subscriptions a connection with this many granted cameras may have.
func subsFor(cameras int) int { return baseSubs + subsPerCamera*cameras }

// checkNoAuthUser refuses a file with no_auth_user if other hosts can reach the address.
// It accepts the file if the file itself names that address.
func checkNoAuthUser(cfg Config, opts *server.Options, placed bool) error {
	if opts.NoAuthUser == "" || placed || cfg.Insecure {
		return nil
	}
	if err := netutil.ValidateListen(cfg.Addr); err != nil || netutil.IsLoopback(cfg.Addr) {
		return err
	}
	return fmt.Errorf("NATS configuration %s has no_auth_user, which admits every client that can reach %s: "+
		"use 127.0.0.1 with --nats, or remove no_auth_user", cfg.File, cfg.Addr)
}

// checkJetStream refuses JetStream in the account of the frames.
// A stream there could store every frame, and its interest would keep all cameras running.
func (s *Server) checkJetStream(cfg Config, opts *server.Options) error {
	if !opts.JetStream {
		return nil
	}
	name := framesAccount(cfg, opts)
	account, err := s.s.LookupAccount(name)
	if err != nil || !account.JetStreamEnabled() {
		return nil //nolint:nilerr // an account that does not exist has no JetStream
	}
	return fmt.Errorf("NATS configuration %s enables JetStream in the account of the cameras (%s), "+
		"where it could store every frame: put JetStream into its own account, as deployments/nats/websocket-mqtt.conf does",
		cfg.File, name)
}

// framesAccount returns the name of the hub's account.
func framesAccount(cfg Config, opts *server.Options) string {
	var account *server.Account
	for _, u := range opts.Nkeys {
		if u.Nkey == cfg.Hub {
			account = u.Account
		}
	}
	for _, u := range opts.Users {
		if u.Username == opts.NoAuthUser && cfg.Hub == "" {
			account = u.Account
		}
	}
	if account == nil {
		return server.DEFAULT_GLOBAL_ACCOUNT
	}
	return account.GetName()
}
