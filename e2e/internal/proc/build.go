package proc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// The packages of the programs under test.
const (
	HubPackage   = "github.com/bramble-cam/bramble/hub/cmd/bramble-hub"
	AgentPackage = "github.com/bramble-cam/bramble/agent/cmd/bramble-agent"
	NATSPackage  = "github.com/nats-io/nats-server/v2"
)

// Build compiles a package to a static program, as make build does.
func Build(ctx context.Context, file, pkg string) error {
	//nolint:gosec // the program under test
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}
