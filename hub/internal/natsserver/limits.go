package natsserver

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"
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
	unauthenticatedPerAddress = 128
	unauthenticatedTotal      = 1024
)

// setLimits sets the limits that the configuration file does not set.
func setLimits(opts *server.Options) {
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
