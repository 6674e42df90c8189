package testutil

import (
	"net"
	"strconv"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/shared/frame"
)

// StartServer starts a NATS server with opts, and stops it when the test ends; a test may shut it down earlier. It
// listens on loopback, on a free port unless opts names one, and allows the largest frames unless opts says otherwise.
func StartServer(tb testing.TB, opts server.Options) *server.Server {
	tb.Helper()
	opts.Host, opts.NoSigs, opts.NoLog = "127.0.0.1", true, true
	if opts.Port == 0 {
		opts.Port = server.RANDOM_PORT
	} else { // of a server that was stopped: for a moment some connection may have got it
		Eventually(tb, "the port is free", func() bool { return isFree(opts.Port) })
	}
	if opts.MaxPayload == 0 {
		opts.MaxPayload = frame.MaxPayload
	}
	s, err := server.NewServer(&opts)
	if err != nil {
		tb.Fatal(err)
	}
	go s.Start()
	tb.Cleanup(func() { StopServer(s) })
	if !s.ReadyForConnections(Timeout) {
		tb.Fatal("NATS server not ready")
	}
	return s
}

func isFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

// StopServer shuts a NATS server down and waits until it is gone. Its port can be used again.
func StopServer(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// Port returns the port of a NATS server that runs.
func Port(tb testing.TB, s *server.Server) int {
	tb.Helper()
	addr, ok := s.Addr().(*net.TCPAddr)
	if !ok {
		tb.Fatalf("the NATS server listens on %v", s.Addr())
	}
	return addr.Port
}
