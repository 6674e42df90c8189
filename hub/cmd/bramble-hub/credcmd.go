package main

import (
	"bytes"
	"context"
	"encoding/json"
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

	"github.com/alecthomas/kong"
	"github.com/bramble-cam/bramble/hub/internal/certs"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/password"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/systemd"
)

// maxCell is how much of a text a cell of a table shows.
const maxCell = 1 << 10

// cmdContext is what a command that reads or changes the credentials gets.
type cmdContext struct {
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
func (cmd *cmdContext) edit(change func(*credstore.File) error, did, audit string, args ...any) error {
	if err := cmd.change(change); err != nil {
		return err
	}
	cmd.log.Info(did, append([]any{"audit", audit}, append(args, "file", cmd.settings.Credentials)...)...)
	return nil
}

func (cmd *cmdContext) snapshot() (*credstore.Snapshot, error) {
	return credstore.Load(cmd.settings.Credentials)
}

// password asks for a new password, twice, without showing it; or takes the first line of standard input.
func (cmd *cmdContext) password(fromStdin bool) (secret.Text, error) {
	if fromStdin {
		text, err := secret.ReadLine(cmd.stdin)
		if err != nil {
			return "", fmt.Errorf("the password from standard input: %w", err)
		}
		return text, password.Validate(text)
	}
	tty, ok := secret.Terminal(cmd.stdin)
	if !ok {
		return "", errors.New("standard input is not a terminal: give the password with --password-stdin")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	first, err := secret.Ask(ctx, tty, cmd.stderr, "Password: ")
	if err != nil {
		return "", err
	}
	if err := password.Validate(first); err != nil {
		return "", err
	}
	second, err := secret.Ask(ctx, tty, cmd.stderr, "Once more: ")
	if err == nil && first != second {
		err = errors.New("the two passwords differ: nothing was changed")
	}
	return first, err
}

// removeCommand removes an entry of the credentials: bramble-hub user remove and the like.
type removeCommand struct {
	Name string `arg:"" help:"Name of the entry, as \"list\" prints it."`
}

// Run removes the entry. The first word of the command is its kind.
func (c *removeCommand) Run(cmd *cmdContext, parsed *kong.Context) error {
	kind, _, _ := strings.Cut(parsed.Command(), " ")
	remove := map[string]func(*credstore.File, string) error{
		"user": (*credstore.File).RemoveUser, "group": (*credstore.File).RemoveGroup,
		"mapping": (*credstore.File).RemoveMapping, "agent": (*credstore.File).RemoveAgent,
		"consumer": (*credstore.File).RemoveConsumer,
	}[kind]
	return cmd.edit(func(doc *credstore.File) error { return remove(doc, c.Name) }, kind+" removed", kind+".remove",
		"name", c.Name)
}

// printTable prints a list of the credentials, one entry a row.
func printTable[T any](
	cmd *cmdContext, head string, list func(*credstore.Snapshot) []T, row func(T) []string,
) error {
	b, err := cmd.snapshot()
	if err != nil {
		return err
	}
	var rows [][]string
	for _, entry := range list(b) {
		rows = append(rows, row(entry))
	}
	return cmd.table(head, rows)
}

// printJSON prints a list of the credentials under a key, so that other keys can be added later.
func printJSON[T any](cmd *cmdContext, key string, list func(*credstore.Snapshot) []T) error {
	b, err := cmd.snapshot()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(map[string]any{key: append([]T{}, list(b)...)}, "", "  ")
	if err != nil {
		return err
	}
	return cmd.print(string(text))
}

// table prints a list.
func (cmd *cmdContext) table(head string, rows [][]string) error {
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
	_, err := cmd.stdout.Write(out.Bytes())
	return err
}

// print writes what a command is asked for, and nothing else, to standard output.
func (cmd *cmdContext) print(line string) error {
	_, err := fmt.Fprintln(cmd.stdout, line)
	return err
}

// natsURL guesses under which URL others reach the hub's NATS, and says what they may have to change.
func (cmd *cmdContext) natsURL() (url, note string) {
	if cmd.settings.NATSURL != "" {
		return cmd.settings.NATSURL, "this NATS system does not read the credentials file: add the public key there, " +
			"see docs/guide/scale.md"
	}
	host, port, err := net.SplitHostPort(cmd.settings.NATS)
	if err != nil {
		host, port = "127.0.0.1", "4222"
	}
	scheme := "nats://"
	if cmd.settings.NATSTLSCert != "" {
		scheme = "tls://"
	}
	ip := net.ParseIP(host)
	switch {
	case host == "localhost" || ip != nil && ip.IsLoopback():
		note = "with these settings the hub's NATS server listens on this host only: for agents on other hosts run " +
			"\"sudo bramble-hub setup\", or start the hub with --nats 0.0.0.0:" + port + " and put its name into the URL"
	case host == "" || ip != nil && ip.IsUnspecified():
		host = outboundIP()
	}
	return scheme + net.JoinHostPort(host, port), note
}

// trustFlags are what an agent needs to know the hub's NATS by its key; "" if there is no TLS, or if this host does not
// know the key.
func (cmd *cmdContext) trustFlags() (string, error) {
	pins := cmd.settings.NATSTLSFingerprint
	if cert, key := cmd.settings.NATSTLSCert, cmd.settings.NATSTLSKey; cmd.settings.NATSURL == "" && cert != "" {
		pair, err := certs.Load(cert, key, cmd.log)
		if err != nil {
			return "", fmt.Errorf("--nats-tls-cert %s, --nats-tls-key %s: %w: both must be PEM files that this user may read",
				cert, key, err)
		}
		pins = []string{pair.Fingerprint()}
	}
	if len(pins) == 0 {
		return "", nil
	}
	return " --tls-fingerprint " + strings.Join(pins, ","), nil
}

// outboundIP returns the address at which other hosts reach this one. Without an address it returns the host name, and
// without a name "HUB".
func outboundIP() string {
	if conn, err := net.Dial("udp", "192.0.2.1:9"); err == nil {
		// sends nothing, but chooses the address that leads away from here
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
