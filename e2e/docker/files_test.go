package docker

import (
	"bytes"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"go.yaml.in/yaml/v3"

	"github.com/bramble-cam/bramble/shared/frame"
)

const root = "../.."

// service is the part of a service in the compose file that the tests examine.
type service struct {
	Build       *struct{ Target string }
	ReadOnly    bool `yaml:"read_only"`
	Privileged  bool
	CapDrop     []string `yaml:"cap_drop"`
	MemLimit    string   `yaml:"mem_limit"`
	Environment map[string]string
	Ports       []string
	Volumes     []string
	Networks    yaml.Node
}

// network is the part of a network in the compose file that the tests examine.
type network struct {
	IPAM struct {
		Config []struct {
			Subnet string
			Range  string `yaml:"ip_range"`
		}
	}
}

func compose(t *testing.T) (map[string]service, map[string]network) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]service
		Networks map[string]network
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Services, file.Networks
}

// TestCompose checks that the services have few rights, are published on this host only, and refer to files, settings
// and stages that exist.
func TestCompose(t *testing.T) {
	services, _ := compose(t)
	settings, err := os.ReadFile(filepath.Join(root, "docs/ref/config.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"nats", "hub", "demo", "camera", "nats-b", "nats-c", "hub-b", "balancer"} {
		if _, ok := services[want]; !ok {
			t.Errorf("no service %s", want)
		}
	}
	for name, s := range services {
		if !s.ReadOnly || s.Privileged || strings.Join(s.CapDrop, " ") != "ALL" || s.MemLimit == "" {
			t.Errorf("%s has more rights than it needs: %+v", name, s)
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s is published at %q, which other hosts can reach", name, p)
			}
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if _, err := os.Stat(filepath.Join(root, source)); strings.HasPrefix(source, "./") && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for key := range s.Environment {
			setting, ours := strings.CutPrefix(key, "BRAMBLE_")
			setting = strings.ToLower(strings.ReplaceAll(setting, "_", "-"))
			if ours && !bytes.Contains(settings, []byte("- `"+setting+"`")) {
				t.Errorf("%s: %s is not a setting", name, key)
			}
		}
		if s.Build != nil {
			if !stages(t)[s.Build.Target] {
				t.Errorf("%s: the Dockerfile has no stage %s", name, s.Build.Target)
			}
		}
	}
}

// TestComposeAuthentication checks that hubs without authentication are published on this host only, without
// --insecure. They trust the load balancer only, and no other container can get its address.
func TestComposeAuthentication(t *testing.T) {
	services, networks := compose(t)
	var balancer map[string]struct {
		Address string `yaml:"ipv4_address"`
	}
	node := services["balancer"].Networks
	if err := node.Decode(&balancer); err != nil {
		t.Fatal(err)
	}
	address, err := netip.ParseAddr(balancer["front"].Address)
	if err != nil {
		t.Fatalf("the load balancer has no address of its own: %v", err)
	}
	ranges := networks["front"].IPAM.Config
	if len(ranges) == 0 {
		t.Error("the load balancer's network has no subnet of its own")
	}
	for _, r := range ranges {
		given, err := netip.ParsePrefix(r.Range)
		if err != nil || given.Contains(address) {
			t.Errorf("another container can get the load balancer's address %s: ip_range is %q of %s", address, r.Range,
				r.Subnet)
		}
	}
	for _, name := range []string{"hub", "hub-b"} {
		env := services[name].Environment
		if _, insecure := env["BRAMBLE_INSECURE"]; insecure || !strings.HasPrefix(env["BRAMBLE_HTTP_PUBLISHED"],
			"127.0.0.1:") {
			t.Errorf("%s: %v", name, env)
		}
		if env["BRAMBLE_TRUSTED_PROXY"] != address.String() {
			t.Errorf("%s trusts %s, and the load balancer is %s", name, env["BRAMBLE_TRUSTED_PROXY"], address)
		}
		var in []string
		node := services[name].Networks
		if err := node.Decode(&in); err != nil || !slices.Contains(in, "front") {
			t.Errorf("%s is not in the load balancer's network: %v", name, err)
		}
	}
}

// TestNATS checks that nats-server accepts its configuration, and that the largest frame fits.
func TestNATS(t *testing.T) {
	opts, err := server.ProcessConfigFile(filepath.Join(root, "deployments/docker/nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if opts.MaxPayload < frame.MaxPayload {
		t.Errorf("max_payload %d", opts.MaxPayload)
	}
}

// TestLint runs a linter over the Dockerfile.
func TestLint(t *testing.T) {
	linter := filepath.Join(root, "e2e/browser/node_modules/.bin/dockerfile-utils")
	if _, err := os.Stat(linter); err != nil {
		t.Skip("dockerfile-utils is not installed: make test-system installs it where it can (npm ci in e2e/browser)")
	}
	if out, err := exec.Command(linter, "lint", filepath.Join(root, "deployments/docker/Dockerfile")).
		CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestToolchain compares the Go release of the build image with that of go.mod.
func TestToolchain(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	toolchain := regexp.MustCompile(`(?m)^toolchain go(\S+)$`).FindStringSubmatch(read("go.mod"))
	image := regexp.MustCompile(`(?m)^FROM .*\bgolang:([0-9.]+)-`).
		FindStringSubmatch(read("deployments/docker/Dockerfile"))
	if toolchain == nil || image == nil || toolchain[1] != image[1] {
		t.Errorf("go.mod names the toolchain %q, the Dockerfile builds with %q: they must be the same", toolchain, image)
	}
}

var stageLine = regexp.MustCompile(`(?m)^FROM .* AS (\S+)$`)

// stages returns the names of the Dockerfile's stages.
func stages(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deployments/docker/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, m := range stageLine.FindAllSubmatch(text, -1) {
		names[string(m[1])] = true
	}
	return names
}
