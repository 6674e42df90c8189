package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// TestBadRequests asks for what there is not. Every answer names what is wrong.
func TestBadRequests(t *testing.T) {
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, "card=pattern:#size=320x240&fps=15",
		"clip=file:../hub/cmd/bramble-hub/clips/garden.h264#fps=25")
	waitCamera(t, root, "card")
	waitCamera(t, root, "clip")
	for _, test := range []struct {
		url    string
		status int
		detail string // must be in it
	}{
		{"/cam/missing.jpeg", 404, "known cameras are card, clip"},
		{"/cam/MISSING.mjpeg", 404, "use 1 to 63 of a-z"},
		{"/cam/card.gif", 404, ".jpeg, .mjpeg, .h264, .mp4 and .ts"},
		{"/cam/card.jpeg?max_age=banana", 400, `parameter max_age="banana": must be a time from 0s to 1h`},
		{"/cam/card.jpeg?max_age=-1s", 400, "max_age"},
		{"/cam/card.jpeg?max_age=NaN", 400, "max_age"},
		{"/cam/card.mjpeg?fps=0", 400, "a number from 0.1 to 120"},
		{"/cam/card.mjpeg?fps=Inf", 400, "fps"},
		{"/cam/clip.mp4?duration=2h", 400, "duration"},
		{"/cam/card.jpeg?width=wide", 400, "a number from 16 to 8192"},
		{"/cam/card.jpeg?rotate=1", 400, "rotate"},
		{"/cam/clip.mp4?bitrate=-1", 400, "bitrate"},
		{"/webcam3/?action=snapshot", 404, "there is no camera number 3"},
		{"/?action=dance", 400, "stream or snapshot"},
		{"/api/v1/cameras/missing", 404, "known cameras are"},
		{"/nothing", 404, ""},
		{"/cam/" + strings.Repeat("x", 5000) + ".jpeg", 404, "..."},
	} {
		t.Run(test.url[:min(len(test.url), 40)], func(t *testing.T) {
			resp, err := client(t).Get(root + test.url)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }() // read to its end
			var p struct {
				Type, Title, Detail string
				Status              int
			}
			if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != test.status || p.Status != test.status ||
				resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d, %+v, %s; want %d", resp.StatusCode, p, resp.Header.Get("Content-Type"), test.status)
			}
			if !strings.Contains(p.Detail, test.detail) || len(p.Detail) > 500 {
				t.Errorf("detail %q, want it to hold %q", p.Detail, test.detail)
			}
		})
	}
}

// badAgent publishes for a camera by the letter of docs/ref/wire.md, and then not.
type badAgent struct {
	t      *testing.T
	nc     *nats.Conn
	id     string
	format frame.Format
	epoch  int64
	seq    uint64
}

func newBadAgent(t *testing.T, url, id string, format frame.Format) *badAgent {
	a := &badAgent{t: t, nc: testutil.Connect(t, url), id: id, format: format, epoch: time.Now().UnixNano()}
	a.publish("status", nil, fmt.Appendf(nil, `{"camera":%q,"instance":"bad","state":"live","format":%q}`, id, format))
	return a
}

func (a *badAgent) publish(last string, h nats.Header, data []byte) {
	a.t.Helper()
	if err := a.nc.PublishMsg(&nats.Msg{Subject: "cam." + a.id + "." + last, Header: h, Data: data}); err != nil {
		a.t.Fatal(err)
	}
	if err := a.nc.Flush(); err != nil {
		a.t.Fatal(err)
	}
}

// header returns good headers for the next frame.
func (a *badAgent) header() nats.Header {
	a.seq++
	h := nats.Header{}
	frame.Encode(frame.Header(h), &frame.Frame{Seq: a.seq, PTS: time.Duration(a.seq) * time.Millisecond,
		CaptureTime: time.Now(), Epoch: a.epoch})
	return h
}

// TestBadMessages lets two agents publish rubbish of every kind while a third camera is watched: what is refused is
// counted, and the third camera's viewer loses nothing.
func TestBadMessages(t *testing.T) {
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, "good=pattern:#size=320x240&fps=30")
	still := newBadAgent(t, natsURL, "bad-still", frame.JPEG)
	motion := newBadAgent(t, natsURL, "bad-motion", frame.H264)
	for _, id := range []string{"good", "bad-still", "bad-motion"} {
		waitCamera(t, root, id)
	}
	good := &watcher{}
	var reading sync.WaitGroup
	t.Cleanup(reading.Wait)
	r := open(t, root+"/cam/good.mjpeg")
	reading.Go(func() { good.watchMJPEG(r) })
	testutil.Eventually(t, "the good camera is seen", func() bool { _, n := good.saw(time.Time{}); return n > 0 })

	rd := open(t, root+"/cam/bad-still.mjpeg")
	reading.Go(func() { _, _ = io.Copy(io.Discard, rd) })
	reading.Go(func() { // there is no access unit: the answer will be an error
		if resp, err := client(t).Get(root + "/cam/bad-motion.h264"); err == nil {
			_ = resp.Body.Close() // not looked at
		}
	})
	testutil.Eventually(t, "the hub is subscribed to the bad cameras", func() bool {
		m := metrics(t, root)
		return m[`bramble_hub_camera_subscribed{camera="bad-still"}`] == 1 &&
			m[`bramble_hub_camera_subscribed{camera="bad-motion"}`] == 1
	})

	var picture bytes.Buffer
	if err := jpeg.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	whole := picture.Bytes()
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 5000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	broken := still.header()
	broken.Set(frame.HeaderSeq, "many")
	still.publish("jpeg", nil, whole)                                    // no headers
	still.publish("jpeg", broken, whole)                                 // a broken header
	still.publish("jpeg", still.header(), whole[:len(whole)-2])          // truncated
	still.publish("jpeg", still.header(), noise)                         // no JPEG at all
	still.publish("jpeg", still.header(), nil)                           // a probe: no fault
	still.publish("status", nil, noise)                                  // no status
	still.publish("status", nil, []byte(`{"camera":"good"}`))            // another's status
	still.publish("status", nil, bytes.Repeat([]byte("["), 200_000))     // a deep and large one
	motion.publish("h264", motion.header(), noise)                       // random bytes
	motion.publish("h264", motion.header(), []byte{0, 0, 0, 1})          // nothing in it
	motion.publish("h264", motion.header(), []byte{0, 0, 0, 1, 0x65, 1}) // an IDR without parameter sets
	still.publish("jpeg", still.header(), whole)                         // and a good one

	testutil.Eventually(t, "all of it is counted", func() bool {
		m := metrics(t, root)
		return m[`bramble_hub_drops_total{camera="bad-still",format="jpeg",reason="decode"}`] == 4 &&
			m[`bramble_hub_frames_in_total{camera="bad-still",format="jpeg"}`] == 1 &&
			m[`bramble_hub_drops_total{camera="bad-motion",format="h264",reason="decode"}`] == 3
	})
	now := time.Now()
	testutil.Eventually(t, "the good camera goes on", func() bool { newer, _ := good.saw(now); return newer })
	m := metrics(t, root)
	for key, n := range m {
		if strings.HasPrefix(key, `bramble_hub_drops_total{camera="good"`) && !strings.Contains(key, "lagged") && n != 0 {
			t.Errorf("%s = %v", key, n)
		}
	}
}

// metrics reads the hub's own metrics.
func metrics(t *testing.T, root string) map[string]float64 {
	t.Helper()
	resp, err := client(t).Get(root + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	m := make(map[string]float64)
	for line := range strings.Lines(string(body)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(key, "bramble_") {
			m[key], _ = strconv.ParseFloat(value, 64)
		}
	}
	return m
}
