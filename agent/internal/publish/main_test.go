package publish

import (
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// serveEnv makes this test binary a NATS server: benchmarks that count allocations want the server's elsewhere.
const serveEnv = "BRAMBLE_TEST_SERVE_NATS"

func TestMain(m *testing.M) {
	if os.Getenv(serveEnv) != "" {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	testutil.ParallelWaits()
	goleak.VerifyTestMain(m)
}

// serve runs a NATS server until in ends, and writes its URL to out.
func serve(in io.Reader, out io.Writer) error {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		MaxPayload: frame.MaxPayload})
	if err != nil {
		return err
	}
	s.Start()
	if _, err := fmt.Fprintln(out, s.ClientURL()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, in)
	s.Shutdown()
	s.WaitForShutdown()
	return err
}
