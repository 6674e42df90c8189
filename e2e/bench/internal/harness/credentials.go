package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/secret"
)

// Credentials is the credentials file of a hub with authentication.
type Credentials struct {
	hub, file string
	admin     secret.Text       // an API token
	links     map[string]string // by camera: the query of a URL that holds a signed link
}

// passwords is what the users of a Guard have for one.
const passwords = "none of the guesses is this"

// NewCredentials makes a credentials file in dir, with an admin in it.
func (c Config) NewCredentials(ctx context.Context, dir string) (*Credentials, error) {
	g := &Credentials{hub: c.Hub, file: filepath.Join(dir, "credentials.json"), links: map[string]string{}}
	var err error
	g.admin, err = g.user(ctx, "admin", "admin", "*")
	return g, err
}

// run runs a command of the hub program, and returns its output. The error does not repeat the output, which may be a
// credential.
func (g *Credentials) run(ctx context.Context, input string, args ...string) (string, error) {
	//nolint:gosec // the program under test
	cmd := exec.CommandContext(ctx, g.hub, append(args, "--credentials", g.file)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("bramble-hub %s: %w", strings.Join(args[:2], " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (g *Credentials) user(ctx context.Context, name, role string, cameras ...string) (token secret.Text, err error) {
	if _, err = g.run(ctx, passwords+"\n", "user", "add", name, "--role", role, "--cameras", strings.Join(cameras, ","),
		"--password-stdin"); err != nil {
		return "", err
	}
	text, err := g.run(ctx, "", "token", "add", name, "bench")
	return secret.Text(text), err
}

// Viewer adds a user that may see these cameras, and returns an API token.
func (g *Credentials) Viewer(ctx context.Context, name string, cameras ...string) (token secret.Text, err error) {
	return g.user(ctx, name, "viewer", cameras...)
}

// Agent makes an agent known, and returns its seed.
func (g *Credentials) Agent(ctx context.Context, name string, cameras ...string) (seed secret.Text, err error) {
	out, err := g.run(ctx, "", "agent", "add", name, "--cameras", strings.Join(cameras, ","))
	if err != nil {
		return "", err
	}
	for word := range strings.FieldsSeq(out) { // the credential, between other words if the hub is an older one
		if c, err := credential.Parse(secret.Text(word)); err == nil && c != (credential.Credential{}) {
			return secret.Text(word), nil
		}
	}
	return "", errors.New("bramble-hub agent add prints no credential")
}

// Consumer makes a consumer known, and returns its seed.
func (g *Credentials) Consumer(ctx context.Context, name string, cameras ...string) (seed secret.Text, err error) {
	text, err := g.run(ctx, "", "consumer", "add", name, "--cameras", strings.Join(cameras, ","))
	return secret.Text(text), err
}

// Link signs a link to a camera, which Server.URL has from then on.
func (g *Credentials) Link(ctx context.Context, camera string) error {
	out, err := g.run(ctx, "", "link", camera, "--format", "mjpeg,jpeg,h264,mp4", "--expires", "24h")
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(out, "\n")
	_, query, ok := strings.Cut(first, "?")
	if !ok {
		return errors.New("bramble-hub link prints no link")
	}
	g.links[camera] = "?" + query
	return nil
}

// query is what a URL of a camera ends with.
func (g *Credentials) query(camera string) string {
	if g == nil {
		return ""
	}
	return g.links[camera]
}

// authenticate adds the admin's credential to a request.
func (g *Credentials) authenticate(r *http.Request) {
	if g != nil {
		r.Header.Set("Authorization", "Bearer "+g.admin.Reveal())
	}
}

// issue adds the agent of these cameras to the hub that is about to start. It returns the agent's
// connection options and the hub's flags.
func (g *Credentials) issue(ctx context.Context, cameras []*Camera) (shown []nats.Option, hubArgs []string, err error) {
	if g == nil {
		return nil, nil, nil
	}
	var names []string
	for _, cam := range cameras {
		names = append(names, cam.Name)
		if err := g.Link(ctx, cam.Name); err != nil {
			return nil, nil, err
		}
	}
	seed, err := g.Agent(ctx, "bench", names...)
	if err != nil {
		return nil, nil, err
	}
	cred, err := credential.Parse(seed)
	return cred.AgentOptions(), []string{"--credentials", g.file}, err
}
