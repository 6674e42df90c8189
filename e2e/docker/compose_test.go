package docker

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

const root = "../.."

// loader prints a compose file as the Compose model has it, and refuses what is not of the model.
const loader = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"

// service is what this test looks at.
type service struct {
	Image       string
	Build       *struct{ Dockerfile, Target, Context string }
	User        string
	ReadOnly    bool `json:"read_only"`
	Privileged  bool
	CapDrop     []string `json:"cap_drop"`
	MemLimit    string   `json:"mem_limit"`
	Environment map[string]string
	Ports       []struct {
		HostIP string `json:"host_ip"`
	}
	Volumes []struct{ Type, Source string }

	Networks map[string]*struct {
		Address string `json:"ipv4_address"`
	}
}

// network is what this test looks at of a network.
type network struct {
	IPAM struct {
		Config []struct {
			Subnet string
			Range  string `json:"ip_range"`
		}
	}
}

func compose(t *testing.T) (map[string]service, map[string]network) {
	t.Helper()
	cmd := exec.Command("go", "run", loader, "-format", "json", "docker-compose.yml")
	cmd.Dir = root // paths in it are taken from there
	cmd.Env = append(os.Environ(), "COMPOSE_PROFILES=camera,cluster")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("docker-compose.yml: %v\n%s", err, said.String())
	}
	var file struct {
		Services map[string]service
		Networks map[string]network
	}
	if err := json.Unmarshal(out, &file); err != nil {
		t.Fatal(err)
	}
	return file.Services, file.Networks
}

// TestCompose: the file is of the Compose model, and its services can do little, are published on this host only, and
// name what there is.
func TestCompose(t *testing.T) {
	testutil.System(t, "builds Compose")
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
			t.Errorf("%s can do more than it must: %+v", name, s)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s is published at %q, where others reach it", name, p.HostIP)
			}
		}
		for _, v := range s.Volumes {
			if _, err := os.Stat(v.Source); v.Type == "bind" && !strings.HasPrefix(v.Source, "/dev") &&
				!strings.HasPrefix(v.Source, "/run") && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for key := range s.Environment {
			if !bytes.Contains(settings, []byte("`"+key+"`")) {
				t.Errorf("%s: %s is no setting", name, key)
			}
		}
		if s.Build != nil {
			if _, ok := stages(t)[s.Build.Target]; !ok {
				t.Errorf("%s: the Dockerfile has no stage %s", name, s.Build.Target)
			}
		}
	}
}

// TestComposeAsksNobody: hubs without authentication are published on this host only, instead of --insecure, and
// believe the balancer only. No other container is given the balancer's address.
func TestComposeAsksNobody(t *testing.T) {
	testutil.System(t, "builds Compose")
	services, networks := compose(t)
	balancer := services["balancer"].Networks["front"]
	if balancer == nil || balancer.Address == "" {
		t.Fatalf("the balancer has no address of its own: %+v", services["balancer"].Networks)
	}
	address, err := netip.ParseAddr(balancer.Address)
	if err != nil {
		t.Fatal(err)
	}
	ranges := networks["front"].IPAM.Config
	if len(ranges) == 0 {
		t.Error("the balancer's network has no subnet of its own")
	}
	for _, r := range ranges {
		given, err := netip.ParsePrefix(r.Range)
		if err != nil || given.Contains(address) {
			t.Errorf("another container may get the balancer's address %s: ip_range is %q of %s", address, r.Range, r.Subnet)
		}
	}
	for _, name := range []string{"hub", "hub-b"} {
		env := services[name].Environment
		if _, insecure := env["BRAMBLE_INSECURE"]; insecure || !strings.HasPrefix(env["BRAMBLE_HTTP_PUBLISHED"],
			"127.0.0.1:") {
			t.Errorf("%s: %v", name, env)
		}
		if env["BRAMBLE_TRUSTED_PROXY"] != balancer.Address {
			t.Errorf("%s believes %s, and the balancer is %s", name, env["BRAMBLE_TRUSTED_PROXY"], balancer.Address)
		}
		if _, ok := services[name].Networks["front"]; !ok {
			t.Errorf("%s is not in the balancer's network", name)
		}
	}
}

// TestNATS: the configuration of the NATS servers is one, and lets the largest frame through.
func TestNATS(t *testing.T) {
	opts, err := server.ProcessConfigFile(filepath.Join(root, "deployments/docker/nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if opts.MaxPayload < frame.MaxPayload {
		t.Errorf("max_payload %d", opts.MaxPayload)
	}
}

// TestLint lets a linter read the Dockerfile.
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

// TestBalancer lets HAProxy read its configuration. It looks up no names then.
func TestBalancer(t *testing.T) {
	testutil.System(t, "needs HAProxy")
	haproxy, err := exec.LookPath("haproxy")
	if err != nil {
		t.Skip("haproxy is not installed: make test-system installs it where it can")
	}
	if out, err := exec.Command(haproxy, "-c", "-f", filepath.Join(root, "deployments/docker/haproxy.cfg")).
		CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// stage is the end of a Dockerfile's stage: the user, the command and its arguments.
type stage struct {
	user, entry, health string
	env                 []string
	copies              [][2]string // from the stage build
}

var instruction = regexp.MustCompile(`^([A-Z]+) (.*)$`)

// stages reads the Dockerfile.
func stages(t *testing.T) map[string]*stage {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deployments/docker/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*stage{}
	var s *stage
	for line := range strings.Lines(string(text)) {
		m := instruction.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		switch words := strings.Fields(m[2]); m[1] {
		case "FROM":
			s = &stage{}
			all[words[len(words)-1]] = s
		case "USER":
			s.user = m[2]
		case "ENV":
			s.env = append(s.env, words...)
		case "ENTRYPOINT":
			s.entry = command(t, m[2])[0]
		case "HEALTHCHECK":
			_, cmd, _ := strings.Cut(m[2], "CMD ")
			s.health = strings.Join(command(t, cmd), " ")
		case "COPY":
			if words[0] == "--from=build" {
				s.copies = append(s.copies, [2]string{words[1], words[2]})
			}
		}
	}
	return all
}

func command(t *testing.T, text string) (words []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &words); err != nil {
		t.Fatalf("%s: not in exec form, which needs no shell: %v", text, err)
	}
	return words
}
