package publish

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestLargeMessages: a message of 8 MiB to an agent takes no memory there.
func TestLargeMessages(t *testing.T) {
	url := testutil.StartServer(t, server.Options{}).ClientURL()
	agent, err := Dial(ConnConfig{URL: url, Log: testutil.Log(t), OnConnect: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		closed := agent.StatusChanged(nats.CLOSED)
		agent.Close()
		testutil.Receive(t, "the end", closed)
	}()
	sizes := make(chan int, 3)
	if _, err := agent.Subscribe("cam.porch.do.info", func(msg *nats.Msg) { sizes <- len(msg.Data) }); err != nil {
		t.Fatal(err)
	}
	if err := agent.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	consumer := testutil.Connect(t, url)
	for _, size := range []int{maxMessage, frame.MaxPayload, 3} {
		if err := consumer.Publish("cam.porch.do.info", make([]byte, size)); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{maxMessage, 0, 3} {
		if got := testutil.Receive(t, "a message", sizes); got != want {
			t.Errorf("%d bytes, want %d", got, want)
		}
	}
}
