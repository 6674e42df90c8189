package natsserver

import (
	"fmt"
	"net"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/frame"
)

// options returns the server's options, and whether the file says where to listen.
func options(cfg Config) (opts *server.Options, fileSetsAddr bool, err error) {
	opts = &server.Options{}
	if cfg.File != "" {
		if opts, err = server.ProcessConfigFile(cfg.File); err != nil {
			return nil, false, fmt.Errorf("NATS configuration %s: %w", cfg.File, err)
		}
	}
	if cfg.TLS != nil {
		if opts.TLSConfig != nil {
			return nil, false, setting.Errorf("NATS configuration %s has a tls block of its own: leave that out, or "+
				"{nats-tls-cert} and {nats-tls-key}", cfg.File)
		}
		opts.TLSConfig = cfg.TLS
	}
	if opts.MaxPayload == 0 {
		opts.MaxPayload = frame.MaxPayload // beyond that NATS itself advises against
	}
	setLimits(opts)
	fileSetsAddr = opts.Host != "" || opts.Port != 0
	if !fileSetsAddr {
		host, port, err := net.SplitHostPort(cfg.Addr)
		if err != nil {
			return nil, false, fmt.Errorf("NATS address %q: write HOST:PORT: %w", cfg.Addr, err)
		}
		opts.Host = host
		if opts.Port, err = strconv.Atoi(port); err != nil || opts.Port < 0 || opts.Port > 65535 {
			return nil, false, fmt.Errorf("NATS address %q: the port must be a number from 0 to 65535", cfg.Addr)
		}
		if opts.Port == 0 {
			opts.Port = server.RANDOM_PORT
		}
	}
	// Servers of a cluster must have different names: with a file, the default is a random one.
	if opts.ServerName == "" && cfg.File == "" {
		opts.ServerName = "bramble-hub"
	}
	opts.NoSigs = true // the hub handles signals
	return opts, fileSetsAddr, nil
}

// hasOwnAuth reports whether a NATS configuration has users of its own.
func hasOwnAuth(o *server.Options) bool {
	return len(o.Users) > 0 || len(o.Nkeys) > 0 || o.Username != "" || o.Authorization != "" ||
		o.AuthCallout != nil || len(o.TrustedOperators) > 0 || len(o.TrustedKeys) > 0
}

// checkNoAuthUser refuses a file with no_auth_user if other hosts can reach the address.
// It accepts the file if the file itself names that address.
func checkNoAuthUser(cfg Config, opts *server.Options, fileSetsAddr bool) error {
	if opts.NoAuthUser == "" || fileSetsAddr || cfg.Insecure {
		return nil
	}
	if err := netutil.ValidateListen(cfg.Addr); err != nil || netutil.IsLoopback(cfg.Addr) {
		return err
	}
	return setting.Errorf("NATS configuration %s has no_auth_user, which admits every client that can reach %s: "+
		"use 127.0.0.1 with {nats}, or remove no_auth_user", cfg.File, cfg.Addr)
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
		"where it could store every frame: put JetStream into its own account, as "+
		"deployments/nats/websocket-mqtt.conf does",
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
