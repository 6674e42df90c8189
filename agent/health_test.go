package agent

import (
	"context"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestHealth(t *testing.T) {
	url := testutil.StartNATS(t)
	a, err := New(Config{Hub: url, Cameras: []Camera{{"porch", "pattern:#size=160x120"}}, Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, a.Run)
	ask := func(url string, cameras ...Camera) error {
		ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
		defer cancel()
		return Health(ctx, Config{Hub: url, Cameras: cameras})
	}
	testutil.Eventually(t, "the agent is healthy", func() bool { return ask(url, Camera{Name: "porch"}) == nil })
	if err := ask(url); err != nil {
		t.Errorf("without cameras: %v", err)
	}
	if err := ask(url, Camera{Name: "porch"}, Camera{Name: "yard"}); err == nil ||
		!strings.Contains(err.Error(), "yard does not answer") {
		t.Errorf("a camera without an agent: %v", err)
	}
	if err := ask("nats://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("no NATS: %v", err)
	}
}
