package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/certs"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
)

// certLife is how long a certificate made by setup is valid.
const certLife = 19800 * time.Hour

// certCommand is bramble-hub cert.
type certCommand struct {
	Name    []string      `help:"More names and addresses of this host for clients." placeholder:"NAMES" env:"-"`
	Expires time.Duration `help:"How long it is valid. Browsers accept at most 825 days." default:"19800h" env:"-"`
	NewKey  bool          `help:"Also replace the key. Every agent then needs the new fingerprint." env:"-"`
}

// Run makes the files that --tls-cert and --tls-key name, or others beside the credentials file, and prints the
// fingerprint.
func (c *certCommand) Run(cmd *cmdContext) error {
	if c.Expires <= 0 {
		return fmt.Errorf("--expires %v: give a time such as 8760h, which is a year", c.Expires)
	}
	names, err := certs.HostNames()
	if err != nil {
		return err
	}
	for _, name := range c.Name {
		if name == "" || strings.ContainsAny(name, " \t/@[]") {
			return fmt.Errorf("--name %q: give names or addresses alone, such as hub.example.org,192.0.2.1", name)
		}
	}
	names = slices.Concat(c.Name, slices.DeleteFunc(names, func(n string) bool { return slices.Contains(c.Name, n) }))
	o := certs.SelfSignedParams{Cert: cmd.settings.TLSCert, Key: cmd.settings.TLSKey, NewKey: c.NewKey, Names: names,
		Valid: c.Expires}
	if o.Cert == "" && o.Key == "" {
		dir, err := filepath.Abs(filepath.Dir(cmd.settings.Credentials))
		if err != nil {
			return err
		}
		o.Cert, o.Key = filepath.Join(dir, "hub.pem"), filepath.Join(dir, "hub.key")
	} else if o.Cert == "" || o.Key == "" {
		return fmt.Errorf(
			"--tls-cert and --tls-key belong together: give both, or none for files beside the credentials file")
	}
	cert, newKey, err := certs.WriteSelfSigned(o)
	if err != nil {
		return err
	}
	fingerprint := tlstrust.Fingerprint(cert)
	cmd.log.Info("certificate made", "audit", "cert", "cert", o.Cert, "key", o.Key, "new_key", newKey, "expires",
		cert.NotAfter.UTC().Format(time.RFC3339), "names", strings.Join(names, ","))
	cmd.log.Info("the hub has it with", "flags",
		fmt.Sprintf("--tls-cert %s --tls-key %s --nats-tls-cert %[1]s --nats-tls-key %[2]s", o.Cert, o.Key))
	cmd.log.Info("browsers show this fingerprint", "certificate_sha256", certs.Sum(cert))
	cmd.log.Info("agents trust this key with", "flags", "--hub tls://"+names[0]+":4222 --tls-fingerprint "+fingerprint,
		"note", "\"bramble-hub agent add\" prints that too, if it has the hub's settings")
	return cmd.print(fingerprint)
}
