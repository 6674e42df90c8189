package ingest

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

func bulkConnOf(t *testing.T, in *Ingest) *nats.Conn {
	t.Helper()
	nc, err := in.bulk.conn()
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

func made(in *Ingest) bool {
	in.bulk.mu.Lock()
	defer in.bulk.mu.Unlock()
	return in.bulk.nc != nil
}

// bulkFrameSizeOf returns a JPEG of n bytes.
func bulkFrameSizeOf(n int) []byte {
	return append(append([]byte(tinyJPEG[:len(tinyJPEG)-2]), make([]byte, n-len(tinyJPEG))...), 0xff, 0xd9)
}

// TestBulk: a camera with large frames goes to the second connection, once and for good, and no other one does.
func TestBulk(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agent := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	porch, yard := newCam(t, "porch", frame.JPEG), newCam(t, "yard", frame.JPEG)
	fromPorch, fromYard := porch.feed(in), yard.feed(in)
	flush(t, in.nc)
	publish(t, agent, yard.msg(yard.with(false, bulkFrameSizeOf(bulkFrameSize-1))))
	flush(t, agent)
	flush(t, in.nc)
	testutil.Eventually(t, "a small frame has come", func() bool { return fromYard.FramesIn.Load() == 1 })
	if made(in) {
		t.Error("there is a second connection, though no large frame has come")
	}

	publish(t, agent, porch.msg(porch.with(false, bulkFrameSizeOf(bulkFrameSize))))
	testutil.Eventually(t, "the large frame has come, and its camera is at the second connection", func() bool {
		return fromPorch.FramesIn.Load() == 1 && made(in) && bulkConnOf(t, in).NumSubscriptions() == 1
	})
	flush(t, bulkConnOf(t, in))
	for n := range 10 {
		payload := bulkFrameSizeOf(bulkFrameSize)
		if n%2 == 0 {
			payload = porch.jpeg
		}
		publish(t, agent, porch.msg(porch.with(false, payload)))
		publish(t, agent, yard.msg(yard.frame(false)))
	}
	testutil.Eventually(t, "all frames have come", func() bool {
		return fromPorch.FramesIn.Load() == 11 &&
			fromYard.FramesIn.Load() == 11
	})
	if n := bulkConnOf(t, in).NumSubscriptions(); n != 1 {
		t.Errorf("%d subscriptions at the second connection, want that of the camera with large frames", n)
	}
	if d := fromPorch.Drops.Map(); len(d) != 0 {
		t.Errorf("dropped %v", d)
	}
}

// TestBulkReconnects: the second connection comes back as the first one does.
func TestBulkReconnects(t *testing.T) {
	s := testutil.StartServer(t, server.Options{})
	in := dial(t, s.ClientURL(), testutil.Log(t))
	c := newCam(t, "porch", frame.JPEG)
	into := c.feed(in)
	flush(t, in.nc)
	agent := testutil.Connect(t, s.ClientURL())
	publish(t, agent, c.msg(c.with(false, bulkFrameSizeOf(bulkFrameSize))))
	testutil.Eventually(t, "the camera is at the second connection", func() bool {
		return made(in) &&
			bulkConnOf(t, in).NumSubscriptions() == 1
	})
	flush(t, bulkConnOf(t, in))
	id, err := bulkConnOf(t, in).GetClientID()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DisconnectClientByID(id); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the second connection was restored",
		func() bool { return bulkConnOf(t, in).Stats().Reconnects == 1 })
	flush(t, bulkConnOf(t, in))
	publish(t, agent, c.msg(c.frame(false)))
	testutil.Eventually(t, "the next frame has come", func() bool { return into.FramesIn.Load() == 2 })
	if !in.Connected() || in.Reconnects() != 0 {
		t.Error("the first connection was lost, too")
	}
}

// TestBulkAfterClose: a pause that is over when the hub has stopped makes no connection.
func TestBulkAfterClose(t *testing.T) {
	url := testutil.StartNATS(t)
	in, err := Dial(Config{URL: url, Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "connected", in.Connected)
	in.Close()
	if nc, err := in.bulk.conn(); err == nil {
		t.Errorf("a connection after the end: %v", nc)
	}
}
