package subprocess_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/subprocess"
)

// asParent makes this test binary run one child and do nothing else, so that a test can kill the parent of a child.
const asParent = "BRAMBLE_CHILD_PARENT"

func TestMain(m *testing.M) {
	if line := os.Getenv(asParent); line != "" {
		out, err := subprocess.Run(context.Background(), shell(line), func(_ context.Context, p subprocess.Pipes) error {
			_, err := io.Copy(os.Stdout, p.Stdout)
			return err
		})
		fmt.Println(out, err)
		os.Exit(3) // the test kills it: it must not get here
	}
	goleak.VerifyTestMain(m)
}

// shell is a line of shell as a child.
func shell(line string) subprocess.Config {
	return subprocess.Config{Path: "/bin/sh", Args: []string{"-c", line}, Log: slog.New(slog.DiscardHandler)}
}
