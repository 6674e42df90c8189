package natsserver

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestQuestions(t *testing.T) {
	now := time.Unix(1000, 0)
	q := newPublishLimit()
	for i := range 100 { // a hundred cameras, each asked four times a second
		if q.exceed(now.Add(time.Duration(i)*time.Second), int64(i)*400*100, int64(i)*400) {
			t.Fatalf("what a busy consumer asks is too much after %d s", i)
		}
	}
	if !q.exceed(now.Add(100*time.Second), 99*400*100+consumerBytesBurst+1, 100*400) {
		t.Error("a megabyte at once is not too much")
	}
	q = newPublishLimit()
	if q.exceed(now, 0, consumerMsgsBurst) || !q.exceed(now.Add(time.Second), 0, consumerMsgsBurst+2*consumerMsgs) {
		t.Error("messages are not bounded as they should be")
	}
}

// TestLargeQuestions: a consumer that sends an agent questions of megabytes is cut. The agent is not.
func TestLargeQuestions(t *testing.T) {
	file, c := newFile(t)
	s := guarded(t, Config{}, file)
	agent, consumer := s.mustConnectAgent(t, c.porch), s.mustConnect(t, c.consumer)
	if _, err := agent.Subscribe("cam.porch.do.>", func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := agent.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := consumer.Publish("cam.porch.do.info", make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	testutil.Receive(t, "the consumer is cut", closing(consumer.lost))
	if _, err := s.connect(t, c.consumer.Options()...); err == nil {
		t.Error("its credential is taken at once")
	}
	if err := agent.FlushTimeout(testutil.Timeout); err != nil || !agent.IsConnected() {
		t.Errorf("the agent: %v", err)
	}
	s.mustConnect(t, c.all)
}
