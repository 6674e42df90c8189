package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/bramble-cam/bramble/hub/internal/audit"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/systemd"
)

const (
	configFile = "/etc/bramble/hub.yaml" // what the service reads
	unit       = "bramble-hub"
)

// setupCommand is `bramble-hub setup`. It opens a hub that served its own host only to the network.
type setupCommand struct {
	Name          string `arg:"" optional:"" default:"admin" help:"Admin to add; an existing user stays unchanged."`
	PasswordStdin bool   `help:"Read the password from standard input." env:"-"`
	TLS           *bool  `name:"tls" negatable:"" help:"Use TLS (default: on addresses that setup opens)." env:"-"`
	NoStart       bool   `help:"Write the configuration, but do not start the service." env:"-"`
}

// Run makes the user, opens the addresses, makes a certificate, starts the service, and prints the URL of the page.
func (c *setupCommand) Run(cmd *cmdContext) error {
	file := cmd.file
	if file == "" {
		file = configFile
	}
	opened, err := openAddresses(cmd.settings)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	b, err := cmd.snapshot()
	if err != nil {
		return asRoot(err)
	}
	if cmd.settings.AuditLog == "" && cmd.settings.existingAuditLog() == "" {
		// the first user is the first thing to be audited
		cmd.log = audit.Append(cmd.settings.auditLogBesideCredentials(), cmd.log, slog.String("operator", operator()))
	}
	if !slices.ContainsFunc(b.Users(), func(u credstore.User) bool { return u.Name == c.Name }) {
		add := userAdd{Name: c.Name, Role: string(permission.Admin), Cameras: []string{"*"}, PasswordStdin: c.PasswordStdin}
		if err := add.Run(cmd); err != nil {
			return asRoot(err)
		}
	}
	secured, err := c.secure(cmd, opened, b)
	if err != nil {
		return asRoot(err)
	}
	data, err := edit(file, cmd.settings, opened, secured)
	if err != nil {
		return asRoot(err)
	}
	const readable = 0o755 // the service's user reads the file
	if err := os.MkdirAll(filepath.Dir(file), readable); err != nil {
		return asRoot(err)
	}
	if err := config.WriteFileAtomic(file, data, 0o644); err != nil {
		// no secret is in it, and the service's user must read it
		return asRoot(err)
	}
	cmd.log.Info("HTTP and NATS now listen on all addresses; authentication is required", "file", file)
	if err := c.start(cmd, file); err != nil {
		return err
	}
	return cmd.print(cmd.pageURL())
}

// openAddresses sets addresses that other hosts can reach, and returns which were on loopback before. Ports stay, and
// so do addresses that other hosts can already reach.
func openAddresses(s *settings) (opened []string, err error) {
	for _, a := range []struct {
		key  string
		addr *string
	}{{"http", &s.HTTP}, {"nats", &s.NATS}} {
		key, addr := a.key, a.addr
		host, port, err := net.SplitHostPort(*addr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
			*addr = net.JoinHostPort("0.0.0.0", port)
			opened = append(opened, key)
		}
	}
	return opened, nil
}

// edit returns the configuration file with the opened addresses and further settings. A hub that other hosts can reach
// must not start without users, because the credentials file may be lost.
func edit(file string, s *settings, opened []string, more []config.KeyValue) ([]byte, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, key := range opened {
		more = append(more, config.KeyValue{Key: key, Value: map[string]string{"http": s.HTTP, "nats": s.NATS}[key]})
	}
	if s.AuditLog == "" {
		more = append(more, config.KeyValue{Key: "audit-log", Value: s.auditLogBesideCredentials()})
	}
	if !s.RequireUsers {
		more = append(more, config.KeyValue{Key: "require-users", Value: true})
	}
	text, err = config.SetKeys(text, more...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return text, nil
}

func (c *setupCommand) start(cmd *cmdContext, file string) error {
	if c.NoStart || cmd.file != "" && cmd.file != configFile && cmd.service == (systemd.Manager{}) {
		cmd.log.Info("not started", "start", "bramble-hub --config "+file)
		return nil
	}
	err := cmd.service.Start(context.Background(), unit)
	if errors.Is(err, systemd.ErrNoSystemd) {
		cmd.log.Warn("systemd is not running: no service was started", "start", "bramble-hub --config "+file)
		return nil
	}
	return err
}

// asRoot says what helps against a lack of rights.
func asRoot(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: run this with sudo", err)
	}
	return err
}

// pageURL guesses under which URL others reach the page.
func (cmd *cmdContext) pageURL() string {
	scheme := "http://"
	if cmd.settings.TLSCert != "" {
		scheme = "https://"
	}
	addr := cmd.settings.HTTP
	if cmd.settings.HTTPPublished != "" {
		addr = cmd.settings.HTTPPublished
	}
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		host = outboundIP()
	}
	return scheme + net.JoinHostPort(host, port) + "/"
}
