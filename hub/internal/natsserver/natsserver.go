// Package natsserver runs the embedded NATS server: it authenticates clients, and disconnects those beyond its limits.
// What an agent or a consumer may publish and subscribe belongs to package natsauth.
package natsserver

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/natsauth"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/headerlimit"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/subject"
)

// startTimeout bounds the wait for the server to accept connections.
const startTimeout = 5 * time.Second

// Config says how the server listens.
type Config struct {
	Addr string      // host:port; port 0 means any free one. Ignored if File sets one
	File string      // a standard NATS configuration file; "" means none
	TLS  *tls.Config // nil means plain connections, unless File says otherwise
	Log  *slog.Logger

	Hub         string           // public key of the hub's credential, if File has users of its own
	Credentials *credstore.Store // who may connect; nil means no authentication
	Space       subject.Space    // of the cameras
	Insecure    bool             // without credentials, no authentication even at an address that other hosts can reach
}

// Server is a running NATS server.
type Server struct {
	lines  *loglimit.Limiter // bounds the server's log lines about clients
	s      *server.Server
	log    *slog.Logger
	auth   *authenticator        // nil without authentication, or if the file defines its own
	own    credential.Credential // of the hub itself
	secure bool                  // clients must speak TLS
}

// Start starts a server and returns when it accepts connections.
func Start(cfg Config) (*Server, error) {
	opts, fileSetsAddr, err := options(cfg)
	if err != nil {
		return nil, err
	}
	d := &Server{log: cfg.Log, secure: opts.TLSConfig != nil && !opts.AllowNonTLS}
	if err := d.configureAuth(cfg, opts, fileSetsAddr); err != nil {
		return nil, err
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	d.s = s
	l := &logger{
		log: cfg.Log, failed: make(chan string, 1), limiter: loglimit.New(loglimit.Notices()),
		refusals: loglimit.New(clientLines(cfg.Log)), authLogsRefusals: d.auth != nil,
	}
	d.lines = l.refusals
	if d.auth != nil {
		d.auth.server = s
	}
	s.SetLoggerV2(l, false, false, false)
	go s.Start() // returns when all listens, or has failed to
	if why := awaitReady(s, l.failed); why != "" {
		s.Shutdown()
		s.WaitForShutdown()
		return nil, fmt.Errorf("embedded NATS server: %s: %w", why, cfg.remedy())
	}
	l.started.Store(true)
	if err := d.checkJetStream(cfg, opts); err != nil {
		d.Stop()
		return nil, err
	}
	if d.auth != nil {
		cfg.Credentials.OnChange(d.disconnectRevoked)
	}
	return d, nil
}

// configureAuth installs client authentication unless the file defines its own.
// fileSetsAddr reports that the file chose the address, which then counts as deliberate.
func (s *Server) configureAuth(cfg Config, opts *server.Options, fileSetsAddr bool) (err error) {
	if cfg.Credentials == nil {
		return nil
	}
	if hasOwnAuth(opts) {
		cfg.Log.Info("the NATS configuration has its own users: "+
			"NATS ignores agents and consumers of the credentials file", "file", cfg.File)
		return checkNoAuthUser(cfg, opts, fileSetsAddr)
	}
	anonymous := cfg.Insecure || fileSetsAddr
	if !anonymous {
		if err := netutil.ValidateListen(cfg.Addr); err != nil {
			return err
		}
		anonymous = netutil.IsLoopback(cfg.Addr)
	}
	s.auth = newAuthenticator(cfg, anonymous)
	opts.CustomClientAuthentication, opts.AlwaysEnableNonce = s.auth, true
	s.own, err = s.auth.issueCredential(func(string) *server.Permissions { return nil })
	return err
}

// IssueAgentCredential makes a credential for an agent in this process, which may publish and serve cameras.
// It is zero, and not needed, if clients are not authenticated.
func (s *Server) IssueAgentCredential(cameras []string) (credential.Credential, error) {
	if s.auth == nil {
		return credential.Credential{}, nil
	}
	return s.auth.issueCredential(func(key string) *server.Permissions {
		return natsauth.AgentPermissions(s.auth.space, key, cameras)
	})
}

// awaitReady returns "" when the server accepts connections, else why it does not.
func awaitReady(s *server.Server, failed <-chan string) string {
	deadline := time.Now().Add(startTimeout)
	for !s.ReadyForConnections(50 * time.Millisecond) {
		select {
		case why := <-failed:
			return why
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Sprintf("not ready within %v", startTimeout)
		}
	}
	return ""
}

// remedy says what to do when the server cannot start.
func (c *Config) remedy() error {
	if c.File != "" {
		return setting.Errorf("change %s, or use a server that runs already with {nats-url}", c.File)
	}
	return setting.Errorf("choose another address with {nats}, or use the server that runs there with {nats-url}")
}

// URL returns a NATS URL under which clients on this host reach the server.
func (s *Server) URL() string {
	addr := s.Addr()
	if _, port, err := net.SplitHostPort(addr); err == nil && netutil.IsUnspecified(addr) {
		addr = net.JoinHostPort("127.0.0.1", port) // not every system can connect to "all addresses"
	}
	if s.secure {
		return "tls://" + addr
	}
	return "nats://" + addr
}

// Secure reports whether clients must speak TLS.
func (s *Server) Secure() bool { return s.secure }

// Addr returns the address on which the server listens.
func (s *Server) Addr() string {
	if a := s.s.Addr(); a != nil {
		return a.String()
	}
	return ""
}

// InProcess connects without a socket, as the hub itself, which may do everything.
func (s *Server) InProcess() nats.Option {
	return func(o *nats.Options) error {
		for _, set := range append(s.own.Options(), nats.InProcessServer(headerlimit.InProcess{Of: s.s})) {
			if err := set(o); err != nil {
				return err
			}
		}
		return nil
	}
}

// Stop closes all connections and returns when the server has ended.
func (s *Server) Stop() {
	s.s.Shutdown()
	s.s.WaitForShutdown()
}

// Check finds out whether the address and the file of a configuration can be understood.
func Check(cfg Config) error {
	_, _, err := options(cfg)
	return err
}
