package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/certs"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/systemd"
)

// maxCell is how much of a text a cell of a table shows.
const maxCell = 1 << 10

// desk is where the commands that change the credentials file sit.
type desk struct {
	settings *settings
	file     string          // the configuration file; "" means that there is none
	local    bool            // only the credentials file of this host is changed
	service  systemd.Manager // the zero value is this host's
	stdin    io.Reader
	stdout   io.Writer
	stderr   io.Writer
	log      *slog.Logger
}

// edit changes the credentials file and keeps an audit line of what was done.
func (d *desk) edit(change func(*access.File) error, did, audit string, args ...any) error {
	if err := d.change(change); err != nil {
		return err
	}
	d.log.Info(did, append([]any{"audit", audit}, append(args, "file", d.settings.Credentials)...)...)
	return nil
}

func (d *desk) book() (*access.Snapshot, error) { return access.Load(d.settings.Credentials) }

// password asks for a new password, twice, without showing it; or takes the first line of standard input.
func (d *desk) password(fromStdin bool) (secret.Text, error) {
	if fromStdin {
		password, err := secret.ReadLine(d.stdin)
		if err != nil {
			return "", fmt.Errorf("the password from standard input: %w", err)
		}
		return password, access.ValidatePassword(password)
	}
	tty, ok := secret.Terminal(d.stdin)
	if !ok {
		return "", errors.New("standard input is no terminal on which to ask for a password: give it with --password-stdin")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	first, err := secret.Ask(ctx, tty, d.stderr, "Password: ")
	if err != nil {
		return "", err
	}
	if err := access.ValidatePassword(first); err != nil {
		return "", err
	}
	second, err := secret.Ask(ctx, tty, d.stderr, "Once more: ")
	if err == nil && first != second {
		err = errors.New("the two passwords differ: nothing was changed")
	}
	return first, err
}

// table prints a list.
func (d *desk) table(head string, rows [][]string) error {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, strings.ReplaceAll(head, " ", "\t")) // to memory
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = printable.Line(cell, maxCell)
		}
		_, _ = fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	_ = w.Flush()
	_, err := d.stdout.Write(out.Bytes())
	return err
}

// print writes what a command is asked for, and nothing else, to standard output.
func (d *desk) print(line string) error {
	_, err := fmt.Fprintln(d.stdout, line)
	return err
}

// natsURL guesses under which URL others reach the hub's NATS, and says what they may have to change.
func (d *desk) natsURL() (url, note string) {
	if d.settings.NATSURL != "" {
		return d.settings.NATSURL, "this NATS system does not read the credentials file: add the public key there, see docs/design/security.md"
	}
	host, port, err := net.SplitHostPort(d.settings.NATS)
	if err != nil {
		host, port = "127.0.0.1", "4222"
	}
	scheme := "nats://"
	if d.settings.NATSTLSCert != "" {
		scheme = "tls://"
	}
	ip := net.ParseIP(host)
	switch {
	case host == "localhost" || ip != nil && ip.IsLoopback():
		note = "by these settings the hub's NATS listens on this host only: for agents elsewhere \"sudo bramble-hub setup\" lets them in, or start the hub with --nats 0.0.0.0:" + port + " and put its name into the URL"
	case host == "" || ip != nil && ip.IsUnspecified():
		host = here()
	}
	return scheme + net.JoinHostPort(host, port), note
}

// trustFlags are what an agent needs to know the hub's NATS by its key; "" if there is no TLS, or if this host does not know the key.
func (d *desk) trustFlags() (string, error) {
	pins := d.settings.NATSTLSFingerprint
	if cert, key := d.settings.NATSTLSCert, d.settings.NATSTLSKey; d.settings.NATSURL == "" && cert != "" {
		pair, err := certs.Load(cert, key, d.log)
		if err != nil {
			return "", fmt.Errorf("--nats-tls-cert %s, --nats-tls-key %s: %w: both must be PEM files that this user may read", cert, key, err)
		}
		pins = []string{pair.Fingerprint()}
	}
	if len(pins) == 0 {
		return "", nil
	}
	return " --tls-fingerprint " + strings.Join(pins, ","), nil
}

// here returns how others may reach this host: by its address, since nobody may know its name; "HUB" if it has neither.
func here() string {
	if conn, err := net.Dial("udp", "192.0.2.1:9"); err == nil { // sends nothing, but chooses the address that leads away from here
		defer func() { _ = conn.Close() }()
		if a, ok := conn.LocalAddr().(*net.UDPAddr); ok {
			return a.IP.String()
		}
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "HUB"
}
