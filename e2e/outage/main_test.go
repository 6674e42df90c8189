package outage

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

const (
	serveEnv = "BRAMBLE_TEST_SERVE_NATS" // its value, an address, makes this test binary a NATS server
	agentEnv = "BRAMBLE_TEST_AGENT"      // path of the agent under test
)

func TestMain(m *testing.M) {
	if addr := os.Getenv(serveEnv); addr != "" {
		if err := serve(addr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(run(m))
}

// run builds the agent as a user does, since the race detector would multiply its memory, and runs the tests.
func run(m *testing.M) int {
	if !testutil.RunsSystem() { // nothing needs the programs
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "bramble-outage-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder in the system's temporary one
	agent := filepath.Join(dir, "bramble-agent")
	out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", agent,
		"github.com/bramble-cam/bramble/agent/cmd/bramble-agent").CombinedOutput()
	if err == nil {
		err = os.Setenv(agentEnv, agent)
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

// serve runs a NATS server at addr until it is told to stop.
func serve(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{Host: host, Port: n, NoSigs: true, NoLog: true,
		MaxPayload: frame.MaxPayload})
	if err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	s.Start()
	fmt.Println("listening on", s.Addr())
	<-stop
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}
