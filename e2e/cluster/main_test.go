package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// binariesEnv is the folder of the programs under test.
const binariesEnv = "BRAMBLE_CLUSTER_BIN"

func TestMain(m *testing.M) {
	if root := os.Getenv(labEnv); root != "" {
		os.Exit(study(root))
	}
	os.Exit(run(m))
}

// run builds the programs as a user does, and runs the tests.
func run(m *testing.M) int {
	if !testutil.RunsSystem() { // nothing needs the programs
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "bramble-cluster-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder in the system's temporary one
	out, err := exec.Command("go", "build", "-o", dir+string(filepath.Separator),
		"github.com/bramble-cam/bramble/agent/cmd/bramble-agent",
		"github.com/bramble-cam/bramble/hub/cmd/bramble-hub", "github.com/nats-io/nats-server/v2").CombinedOutput()
	if err == nil {
		err = os.Setenv(binariesEnv, dir)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines are left over:", err)
			return 1
		}
	}
	return code
}

func binary(name string) string { return filepath.Join(os.Getenv(binariesEnv), name) }
