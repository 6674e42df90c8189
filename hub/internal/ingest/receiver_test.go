package ingest

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// NALUs of a stream that is 320 by 240, and the SPS of one that is 640 by 480.
const (
	sps    = "\x67\x42\x00\x1e\xda\x05\x07\xe4"
	bigSPS = "\x67\x42\x00\x1e\xda\x02\x80\xf6\x40"
	pps    = "\x68\xcb"
	idr    = "\x65\x88\xd6\x80"
	inter  = "\x41\x9a\xd6"
	aud    = "\x09\xf0"
	sei    = "\x06\x05\x01\xaa\x80"
)

// unit is an access unit whose NALUs have the given start code.
func unit(code string, nalus ...string) []byte {
	out := ""
	for _, nalu := range nalus {
		out += code + nalu
	}
	return []byte(out)
}

const (
	short = "\x00\x00\x01"
	long  = "\x00\x00\x00\x01"
)

// cam is a camera as its agent sends it.
type cam struct {
	t      *testing.T
	id     string
	format frame.Format
	epoch  int64
	seq    uint64
	jpeg   []byte
}

func newCam(t *testing.T, id string, f frame.Format) *cam {
	t.Helper()
	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 48, 32)), nil); err != nil {
		t.Fatal(err)
	}
	return &cam{t: t, id: id, format: f, epoch: 1, jpeg: picture.Bytes()}
}

// feed subscribes in, if there is one, to the camera.
func (c *cam) feed(in *Ingest) *stream.Stream {
	c.t.Helper()
	into := stream.New(stream.Config{Tracks: media.VideoTracks(media.Codec(c.format))})
	if in != nil {
		stop, err := in.SubscribeFrames(c.id, into)
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(stop)
		flush(c.t, in.nc)
	}
	return into
}

// frame returns the camera's next frame.
func (c *cam) frame(key bool) frame.Frame {
	payload := c.jpeg
	switch {
	case c.format == frame.H264 && key:
		payload = unit(long, sps, pps, idr)
	case c.format == frame.H264:
		payload = unit(long, inter)
	}
	return c.with(key, payload)
}

// with returns the camera's next frame with a payload of its own.
func (c *cam) with(key bool, payload []byte) frame.Frame {
	f := frame.Frame{
		Format: c.format, Seq: c.seq, PTS: time.Duration(c.seq) * 40 * time.Millisecond,
		CaptureTime: time.Unix(0, int64(c.seq)), Epoch: c.epoch, Key: key,
		Payload: payload,
	}
	c.seq++
	return f
}

func (c *cam) msg(f frame.Frame) *nats.Msg {
	h := frame.Header{}
	frame.Encode(h, &f)
	return &nats.Msg{Subject: "cam." + c.id + "." + string(c.format), Header: nats.Header(h), Data: f.Payload}
}

func (c *cam) send(nc *nats.Conn, f frame.Frame) {
	c.t.Helper()
	publish(c.t, nc, c.msg(f))
}

func (c *cam) wantIn(s *stream.Stream, n uint64) {
	c.t.Helper()
	testutil.Eventually(c.t, "frames come in", func() bool { return s.FramesIn.Load() >= n })
	if got := s.FramesIn.Load(); got != n {
		c.t.Errorf("%d frames came in: want %d", got, n)
	}
}

// next returns the frame that a viewer gets next.
func next(t *testing.T, v *stream.Cursor) stream.Delivery {
	t.Helper()
	d, err := v.Next(t.Context(), testutil.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestReceiveJPEG(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agent := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	c := newCam(t, "porch", frame.JPEG)
	v := c.feed(in).NewCursor()
	defer v.Close()
	for range 20 {
		want := c.frame(false)
		c.send(agent, want)
		got := next(t, v)
		if !bytes.Equal(got.Payload, c.jpeg) || got.Width != 48 || got.Height != 32 || !got.Key || got.Params != nil {
			t.Errorf("got %dx%d, key %v, %d bytes: want the picture as it was sent",
				got.Width, got.Height, got.Key, len(got.Payload))
		}
		if got.Seq != want.Seq || got.PTS != want.PTS || got.Epoch != want.Epoch || !got.CaptureTime.Equal(want.CaptureTime) {
			t.Errorf("got %+v: want the headers of %+v", got.Packet.Packet, want)
		}
	}
}

func TestReceivedH264IsNormalized(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agent := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	c := newCam(t, "porch", frame.H264)
	into := c.feed(in)
	v := into.NewCursor()
	defer v.Close()
	key := unit(long, sps, pps, idr)
	var params any
	for _, step := range []struct {
		name       string
		key        bool // what the header says
		send, want []byte
		width      int
	}{
		{"as it should be", true, key, key, 320},
		{"inter", false, unit(long, inter), unit(long, inter), 320},
		{"3-byte start codes, delimiter", true, unit(short, aud, sps, pps, idr), key, 320},
		{"parameter sets sent once only", true, unit(short, idr), key, 320},
		{"key frame that says it is none", false, unit(long, idr), key, 320},
		{"inter that says it is a key frame", true, unit(short, sei, inter), unit(long, sei, inter), 320},
		{"other parameter sets", true, unit(short, bigSPS, pps, idr), unit(long, bigSPS, pps, idr), 640},
		{"inter after them", false, unit(short, inter), unit(long, inter), 640},
	} {
		c.send(agent, c.with(step.key, step.send))
		got := next(t, v)
		isKey := bytes.HasSuffix(step.want, []byte(idr))
		if !bytes.Equal(got.Payload, step.want) || got.Key != isKey || got.Width != step.width {
			t.Errorf("%s: got %x, key %v, width %d: want %x, %v, %d",
				step.name, got.Payload, got.Key, got.Width, step.want, isKey, step.width)
		}
		if same := any(got.Params) == params; same == (step.name == "as it should be" ||
			step.name == "other parameter sets") {
			t.Errorf("%s: same parameter sets: %v", step.name, same)
		}
		params = got.Params
	}
	if d := into.Drops.Map(); len(d) != 0 {
		t.Errorf("dropped %v", d)
	}
	late := into.NewCursor() // no reader may begin at the frame with false headers
	defer late.Close()
	if got := next(t, late); !got.Key || got.Width != 640 {
		t.Errorf("a late viewer begins with frame %d", got.Seq)
	}
}

// Parameter sets that come as a message of their own, or SEI, are no loss.
func TestReceiveMessagesWithoutPicture(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agent := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	c := newCam(t, "porch", frame.H264)
	into := c.feed(in)
	for _, payload := range [][]byte{unit(long, sps, pps), unit(long, idr), unit(long, sei), unit(long, inter),
		unit(long, aud), unit(long, inter)} {
		c.send(agent, c.with(false, payload))
	}
	c.wantIn(into, 3)
	if d := into.Drops.Map(); len(d) != 0 {
		t.Errorf("dropped %v: want nothing", d)
	}
}

// A second, older agent with the same camera id, but another encoder, must not change the parameter sets of the one
// that is followed.
func TestReceiverIgnoresAnOlderAgent(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agent := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	c, old := newCam(t, "porch", frame.H264), newCam(t, "porch", frame.H264)
	c.epoch = 2
	into := c.feed(in)
	v := into.NewCursor()
	defer v.Close()
	c.send(agent, c.frame(true))
	first := next(t, v)
	for range 10 {
		old.send(agent, old.with(true, unit(long, bigSPS, pps, idr)))
		c.send(agent, c.frame(false))
		if d := next(t, v); d.Epoch != 2 || d.Params != first.Params || d.Width != 320 {
			t.Fatalf("frame %d of epoch %d, %d wide, same parameter sets: %v", d.Seq, d.Epoch, d.Width, d.Params == first.Params)
		}
	}
	if n := into.Drops.Get(drop.OldEpoch); n != 10 || into.FramesIn.Load() != 11 {
		t.Errorf("%d dropped, %d in: want 10, 11", n, into.FramesIn.Load())
	}
}

func TestReceiverStops(t *testing.T) {
	url := testutil.StartNATS(t)
	in, agent := dial(t, url, testutil.Log(t)), testutil.Connect(t, url)
	c := newCam(t, "porch", frame.JPEG)
	into := stream.New(stream.Config{Tracks: media.VideoTracks(media.JPEG)})
	stop, err := in.SubscribeFrames(c.id, into)
	if err != nil {
		t.Fatal(err)
	}
	flush(t, in.nc)
	c.send(agent, c.frame(false))
	c.wantIn(into, 1)
	stop()
	flush(t, in.nc)
	msg := c.msg(c.frame(false))
	msg.Reply = agent.NewInbox() // no subscriber is left, and NATS tells the agent
	answer, err := agent.SubscribeSync(msg.Reply)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, agent, msg)
	if got, err := answer.NextMsg(testutil.Timeout); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("got %v, %v: want no responders", got, err)
	}
	again := c.feed(in)
	c.send(agent, c.frame(false))
	c.wantIn(again, 1)
	c.wantIn(into, 1)
	stop() // twice is once
}
