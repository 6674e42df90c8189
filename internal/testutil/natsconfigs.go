package testutil

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
)

// Indexes of the credentials in NATSConfigs.Keys.
const (
	HubKey      = iota
	PorchKey    // of the agent of the camera porch
	GardenKey   // of the agent of the cameras garden and lab-1
	SiteKey     // of the remote site's server
	ConsumerKey // of a consumer of porch and lab-1
	ShedKey     // of the agent at the remote site, of the camera shed
	KVKey       // of the hubs in the account of their credentials
	keys
)

// NATSConfigs are copies of the files of deployments/nats, with the test's own credentials and free ports of loopback.
type NATSConfigs struct {
	dir  string
	Keys []credential.Credential
}

// NewNATSConfigs writes them to a temporary directory. dir is deployments/nats.
func NewNATSConfigs(tb testing.TB, dir string) NATSConfigs {
	tb.Helper()
	f := NATSConfigs{dir: tb.TempDir()}
	var pairs []string
	texts := make(map[string]string)
	for _, file := range []string{"users.conf", "leaf.conf", "nats.conf", "cluster.conf", "hubs.conf"} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			tb.Fatal(err)
		}
		texts[file] = regexp.MustCompile(`listen: "0\.0\.0\.0:\d+"`).ReplaceAllString(string(data), `listen: "127.0.0.1:-1"`)
		for _, m := range regexp.MustCompile(`nkey: (U[A-Z2-7]{55})`).FindAllStringSubmatch(string(data), -1) {
			c, err := credential.New()
			if err != nil {
				tb.Fatal(err)
			}
			f.Keys, pairs = append(f.Keys, c), append(pairs, m[1], c.Public())
		}
	}
	if len(f.Keys) != keys {
		tb.Fatalf("the files have %d keys", len(f.Keys))
	}
	for file, text := range texts {
		text = strings.NewReplacer(pairs...).Replace(text)
		if strings.Contains(text, "0.0.0.0") {
			tb.Fatalf("%s listens where others reach it:\n%s", file, text)
		}
		if err := os.WriteFile(f.Path(file), []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return f
}

// Path is where the file of this name is.
func (f NATSConfigs) Path(name string) string { return filepath.Join(f.dir, name) }

// Seed writes a credential's file, and returns its path.
func (f NATSConfigs) Seed(tb testing.TB, key int) string {
	tb.Helper()
	path := f.Path(f.Keys[key].Public() + ".credential")
	if err := os.WriteFile(path, []byte(f.Keys[key].Seed().Reveal()+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	return path
}
