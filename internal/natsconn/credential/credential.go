// Package credential is what an agent, a hub or a consumer shows to NATS: an NKey, of which only a signature ever
// crosses the wire.
package credential

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/bramble-cam/bramble/internal/secret"
)

// maxFile bounds what is read of a credential file, in bytes. A seed has 58; the rest is room for comments.
const maxFile = 4096

// Credential is the secret half of an NKey of the kind user. The zero value is no credential.
type Credential struct {
	seed   secret.Text
	public string
}

// New makes a credential out of nothing but chance.
func New() (Credential, error) {
	kp, err := nkeys.CreateUser()
	if err != nil {
		return Credential{}, fmt.Errorf("make a credential: %w", err)
	}
	defer kp.Wipe()
	seed, err := kp.Seed()
	if err != nil {
		return Credential{}, fmt.Errorf("make a credential: %w", err)
	}
	return Parse(secret.Text(seed))
}

// Parse reads a seed, "SU" and 56 letters and digits. The error does not repeat it.
func Parse(seed secret.Text) (Credential, error) {
	text := strings.TrimSpace(seed.Reveal())
	kp, err := nkeys.FromSeed([]byte(text))
	if err == nil {
		defer kp.Wipe()
		var public string
		if public, err = kp.PublicKey(); err == nil && nkeys.IsValidPublicUserKey(public) {
			return Credential{secret.Text(text), public}, nil
		}
	}
	return Credential{}, errors.New("not a credential: it is one word that begins with SU, as \"bramble-hub agent " +
		"add\" prints it")
}

// none is what a credential file says if there is no credential: a service's unit has to name a file in any case.
const none = "none"

// ReadFile reads a seed from a file: the one line that is neither empty nor begins with #. The word none there is no
// credential. The file must be its owner's alone, unless systemd has put it into the service's
// $CREDENTIALS_DIRECTORY: what that grants by an access list looks like a right of the group.
func ReadFile(name string) (Credential, error) {
	f, err := os.Open(name)
	if err != nil {
		return Credential{}, fmt.Errorf("credential file: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	info, err := f.Stat()
	if err != nil {
		return Credential{}, fmt.Errorf("credential file: %w", err)
	}
	granted := filepath.Dir(name) == filepath.Clean(os.Getenv("CREDENTIALS_DIRECTORY"))
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 && !granted {
		return Credential{}, fmt.Errorf("credential file %s can be read by others than its owner (mode %04o): chmod "+
			"600 %s", name, info.Mode().Perm(), name)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Credential{}, fmt.Errorf("credential file: %w", err)
	}
	if len(data) > maxFile {
		return Credential{}, fmt.Errorf("credential file %s is larger than %d bytes: it should hold the credential "+
			"and nothing else", name, maxFile)
	}
	var words []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			words = append(words, line)
		}
	}
	if len(words) != 1 {
		return Credential{}, fmt.Errorf("credential file %s has %d lines that are no comments: it should hold the "+
			"credential and nothing else", name, len(words))
	}
	if words[0] == none {
		return Credential{}, nil
	}
	c, err := Parse(secret.Text(words[0]))
	if err != nil {
		return Credential{}, fmt.Errorf("credential file %s: %w", name, err)
	}
	return c, nil
}

// IsZero reports whether there is no credential.
func (c Credential) IsZero() bool { return c.public == "" }

// Public returns the public half, "U" and 55 letters and digits: what the other side keeps.
func (c Credential) Public() string { return c.public }

// Seed returns the secret half.
func (c Credential) Seed() secret.Text { return c.seed }

// Options are the options for the connection of a hub or a consumer with the credential: the NKey, and an inbox that
// only its owner may read. Without a credential there are none.
func (c Credential) Options() []nats.Option { return c.options(InboxPrefix(c.public)) }

// AgentOptions are Options for the connection of an agent.
func (c Credential) AgentOptions() []nats.Option { return c.options(AgentInboxPrefix(c.public)) }

func (c Credential) options(inboxes string) []nats.Option {
	if c.IsZero() {
		return nil
	}
	return []nats.Option{nats.Nkey(c.public, c.sign), nats.CustomInboxPrefix(inboxes)}
}

func (c Credential) sign(nonce []byte) ([]byte, error) {
	kp, err := nkeys.FromSeed([]byte(c.seed.Reveal()))
	if err != nil {
		return nil, err
	}
	defer kp.Wipe()
	return kp.Sign(nonce)
}

// AllInboxes is the wildcard subject of the inboxes of all hubs and consumers. Agents publish their answers there.
// Only a hub may subscribe to it.
const AllInboxes = "_INBOX.>"

// InboxPrefix returns the prefix of the inboxes of a hub or a consumer. It is no secret, but only the holder of the key
// may subscribe below it.
func InboxPrefix(public string) string { return "_INBOX." + public }

// AgentInboxPrefix returns the prefix of an agent's own inboxes. AllInboxes does not match them, so no other agent can
// publish there.
func AgentInboxPrefix(public string) string { return "_INBOX_" + public }

func (c Credential) String() string { return c.public }

// Format implements fmt.Formatter: every verb shows the public half only. fmt would look into the struct itself for
// some.
func (c Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.public) }

// LogValue implements slog.LogValuer.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.public) }
