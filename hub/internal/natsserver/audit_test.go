package natsserver

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// spoken is the log of a server.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// lines returns the log lines that have all parts.
func (s *spoken) lines(parts ...string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(s.text.String()) {
		all := true
		for _, part := range parts {
			all = all && strings.Contains(line, part)
		}
		if all {
			n++
		}
	}
	return n
}

// Connects and disconnects of agents and consumers are audited, with their granted cameras.
// A consumer that reconnects all the time does not fill the log.
func TestConnectionsAreAudited(t *testing.T) {
	said := &spoken{}
	file, c := newFile(t)
	s := guarded(t, Config{Log: slog.New(slog.NewTextHandler(said, nil))}, file)
	agent, consumer, all := s.mustConnectAgent(t, c.garden), s.mustConnect(t, c.consumer), s.mustConnect(t, c.all)
	for name, parts := range map[string][]string{
		"agent:garden":      {"cameras=garden,lab-1", c.garden.Public()},
		"consumer:detector": {"cameras=lab-1,porch", c.consumer.Public()},
		"consumer:archive":  {"cameras=*", c.all.Public()},
	} {
		if n := said.lines(append(parts, "audit=connect", "name="+name, "address=127.0.0.1")...); n != 1 {
			t.Errorf("%s: %d lines in %s", name, n, said.text.String())
		}
	}
	agent.Close()
	consumer.Close()
	testutil.Eventually(t, "both ends are told",
		func() bool { return said.lines("audit=disconnect", "from=", "to=") == 2 })
	if said.lines("audit=disconnect", "name=consumer:archive") != 0 || all.IsClosed() {
		t.Error("the third is told to have left")
	}
	for range 40 {
		s.mustConnect(t, c.consumer).Close()
	}
	if n := said.lines("audit=connect", "name=consumer:detector"); n > 20 {
		t.Errorf("%d lines", n)
	}
	s.report()
	if said.lines("audit=suppressed", "name=consumer:detector") != 1 {
		t.Error("it is not told how many were left out")
	}
}
