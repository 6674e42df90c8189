package web

import (
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/apiv1"
	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/hubsync"
	"github.com/bramble-cam/bramble/hub/internal/metrics"
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// DefaultWriteTimeout is how long one write to a viewer may take before the hub disconnects the viewer.
const DefaultWriteTimeout = 10 * time.Second

// RuntimeConfig are the settings that may change while viewers watch.
type RuntimeConfig struct {
	Limits        viewers.Limits
	AllowOrigins  []string      // origins whose pages may open /ws, such as https://example.org; "*" is all
	AllowHosts    []string      // accepted host names, besides this host's, while authentication is off; "*" is all
	DefaultCamera string        // of URLs that name none; "" means the first by name
	WriteTimeout  time.Duration // of one write to a viewer that comes later; 0 means DefaultWriteTimeout
}

// Config has what a Server needs.
type Config struct {
	RuntimeConfig

	Registry   *cameras.Registry
	Transcoder *transcode.Transcoder
	Outputs    *output.Registry
	Agents     apiv1.AgentClient // asks cameras' agents
	Connected  func() bool       // whether NATS can be reached
	Info       apiv1.Info        // what the hub says about itself

	// Authentication.
	Credentials *credstore.Store    // users; nil without Auth
	Auth        *auth.Authenticator // of the users in Credentials; nil means that authentication is off
	External    webauth.External    // logins at a proxy or an identity provider
	Exposed     bool                // other hosts can reach the hub: without users all access is denied, not allowed
	Insecure    bool                // answer requests through a proxy even while authentication is off
	Published   bool                // in a container, published on this host's loopback addresses only

	// The server.
	Proxies    trustedproxy.Proxies // reverse proxies to trust
	TLS        *tls.Config          // nil means plain HTTP; else HTTP/2 too
	SelfSigned func() bool          // whether the TLS certificate is self-signed; nil means no
	LameDuck   time.Duration        // how long viewers are drained before the server stops; 0: all end at once

	Others     func() []hubsync.Other // hubs that share NATS with this one; nil means none
	Refused    metrics.Refused        // where to count what is refused
	Collectors []prometheus.Collector // further metrics
	Log        *slog.Logger
}
