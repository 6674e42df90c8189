package natsd

import (
	"fmt"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// What the server takes of everybody. A file that sets its own keeps its own.
const (
	// maxSubTokens is how many tokens the subject of a subscription may have. The longest of the project have seven: a root of four, a camera, do.VERB.
	// Each further one costs the server some 400 bytes, so that 6 MB of subscriptions with 1,900 tokens each took 1.2 GB.
	maxSubTokens = 8

	// maxControlLine is how long a line of the protocol may be, in bytes. The longest of the project have less than 700: TestControlLine.
	maxControlLine = 1024

	// maxSubs is how many subscriptions any connection may have: the hub's has one for each camera and format. Others have much smaller bounds: subsFor.
	maxSubs = 16384

	// maxConns is how many connections there may be in all.
	maxConns = 8192
)

// What one party may have. Run looks how many subscriptions there are.
const (
	agentConns    = 4  // one for its cameras; the others are for bramble-agent health, and for old ones that have not ended yet
	consumerConns = 32 // a group of workers shares a credential

	baseSubs      = 64 // of a connection, beside those for cameras
	subsPerCamera = 32 // an agent has 14 for each; a consumer may have several programs on one connection

	// banTime is for how long a credential is refused after a connection of it has taken too much: it costs others something until it is noticed.
	banTime = 10 * time.Second
)

// What a consumer may publish. It needs a hundred bytes for a question.
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

// bound sets the limits that a configuration file leaves open.
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
	// A JWT is a part of the CONNECT line, and may be longer.
	if opts.MaxControlLine == 0 && len(opts.TrustedOperators) == 0 && len(opts.TrustedKeys) == 0 && opts.AuthCallout == nil {
		opts.MaxControlLine = maxControlLine
	}
}

// subsFor returns how many subscriptions a connection may have that is granted so many cameras.
func subsFor(cameras int) int { return baseSubs + subsPerCamera*cameras }

// checkNoAuthUser refuses a file that lets everybody in at an address that others can reach, unless the file names that address, too.
func checkNoAuthUser(cfg Config, opts *server.Options, placed bool) error {
	if opts.NoAuthUser == "" || placed || cfg.Insecure {
		return nil
	}
	if local, err := IsLoopback(cfg.Addr); local || err != nil {
		return err
	}
	return fmt.Errorf("NATS configuration %s has no_auth_user, so that everybody who can reach %s is let in: use 127.0.0.1 with --nats, or leave no_auth_user out", cfg.File, cfg.Addr)
}

// checkJetStream refuses JetStream in the account of the frames. A stream there could store every frame, and its interest keeps all cameras running.
func (s *Server) checkJetStream(cfg Config, opts *server.Options) error {
	if !opts.JetStream {
		return nil
	}
	name := framesAccount(cfg, opts)
	account, err := s.s.LookupAccount(name)
	if err != nil || !account.JetStreamEnabled() {
		return nil //nolint:nilerr // an account that does not exist has no JetStream
	}
	return fmt.Errorf("NATS configuration %s turns on JetStream in the account of the cameras (%s), where it could store every frame: "+
		"put JetStream into an account of its own, as deployments/nats/websocket-mqtt.conf does", cfg.File, name)
}

// framesAccount returns the name of the account that the hub is in.
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
