package stage

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/credential"
	"github.com/bramble-cam/bramble/shared/secret"
)

// credentials is the file of a hub that asks agents who they are.
func (c Config) credentials() string { return filepath.Join(c.Guard, "credentials.json") }

// Admit makes an agent known to the hub that Start starts with this Config, and returns its seed.
func (c Config) Admit(ctx context.Context, agent string, cameras ...string) (secret.Text, error) {
	out, err := exec.CommandContext(ctx, c.Hub, "agent", "add", agent, "--cameras", strings.Join(cameras, ","), "--credentials", c.credentials()).Output()
	if err != nil {
		return "", fmt.Errorf("bramble-hub agent add: %w", err)
	}
	_, seed, _ := strings.Cut(string(out), "\n") // the line above it is for the agent's host
	if seed = strings.TrimSpace(seed); seed == "" {
		return "", errors.New("bramble-hub agent add prints no credential") // what it prints may be one
	}
	return secret.Text(seed), nil
}

// guard makes the agent of these cameras known to the hub that is about to start, if that asks for credentials: what the agent shows, and what the hub is to be told.
func (c Config) guard(ctx context.Context, cameras []*Camera) (shown []nats.Option, hubArgs []string, err error) {
	if c.Guard == "" {
		return nil, nil, nil
	}
	var names []string
	for _, cam := range cameras {
		names = append(names, cam.Name)
	}
	seed, err := c.Admit(ctx, "bench", names...)
	if err != nil {
		return nil, nil, err
	}
	cred, err := credential.Parse(seed)
	return cred.AgentOptions(), []string{"--credentials", c.credentials()}, err
}
