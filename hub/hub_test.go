package hub

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a hub on free ports until the test ends, or until stop is called.
func start(t *testing.T, cfg Config) (page, natsURL string, stop func()) {
	t.Helper()
	cfg.HTTP, cfg.NATS, cfg.Log = "127.0.0.1:0", "127.0.0.1:0", testutil.Log(t)
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop = testutil.Run(t, h.Run)
	ctx, cancel := context.WithTimeout(context.Background(), testutil.Timeout)
	defer cancel()
	addr, natsURL, err := h.WaitStarted(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + addr, natsURL, stop
}

// get returns the status and the body of a short answer.
func get(t *testing.T, url string) (int, []byte) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: testutil.Timeout}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// agent publishes as the wire protocol says, with nothing of Bramble's agent: a camera that is always live.
type agent struct {
	t      *testing.T
	nc     *nats.Conn
	status []byte
	seq    uint64
}

func newAgent(t *testing.T, natsURL string) *agent {
	return newAgentOn(t, testutil.Connect(t, natsURL))
}

func newAgentOn(t *testing.T, nc *nats.Conn) *agent {
	a := &agent{t: t, nc: nc}
	doc, err := json.Marshal(status.Status{
		Camera: "desk", Instance: "i", Started: time.Now(), Host: "pi", Agent: "1.0.0", State: status.Live, Since: time.Now(),
		Source: "test", Format: frame.JPEG,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.nc.Subscribe(subject.Space{}.Do("desk", subject.Info),
		func(m *nats.Msg) { _ = m.Respond(doc) }); err != nil {
		// an answer that fails is asked for again
		t.Fatal(err)
	}
	a.status = doc
	return a
}

func (a *agent) publish(subj string, header frame.Header, data []byte) {
	a.t.Helper()
	msg := &nats.Msg{Subject: subj, Header: nats.Header(header), Data: data}
	if err := errors.Join(a.nc.PublishMsg(msg), a.nc.FlushTimeout(testutil.Timeout)); err != nil {
		a.t.Fatal(err)
	}
}

// picture publishes one, the same each time.
func (a *agent) picture() []byte { return a.pictureOf(32) }

// pictureOf publishes one of that width.
func (a *agent) pictureOf(width int) []byte {
	a.t.Helper()
	var data bytes.Buffer
	if err := jpeg.Encode(&data, image.NewGray(image.Rect(0, 0, width, 16)), nil); err != nil {
		a.t.Fatal(err)
	}
	header := make(frame.Header)
	f := frame.Frame{Format: frame.JPEG, Seq: a.seq, PTS: time.Duration(a.seq) * time.Second, CaptureTime: time.Now(),
		Epoch: 1, Payload: data.Bytes()}
	frame.Encode(header, &f)
	a.seq++
	a.publish(subject.Space{}.Frames("desk", frame.JPEG), header, data.Bytes())
	return data.Bytes()
}

// A hub relays from its own NATS server to HTTP, and stops with a viewer connected.
func TestRelay(t *testing.T) {
	page, natsURL, stop := start(t, Config{})
	a := newAgent(t, natsURL)
	testutil.Eventually(t, "the camera is found", func() bool {
		a.publish(subject.Space{}.Status("desk"), nil, a.status) // the hub may have been too late for the last one
		code, _ := get(t, page+"/readyz")
		return code == http.StatusOK
	})
	viewer, err := net.Dial("tcp", strings.TrimPrefix(page, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = viewer.Close() }() // the hub has ended it
	if err := viewer.SetDeadline(time.Now().Add(testutil.Timeout)); err != nil {
		t.Fatal(err)
	}
	if _, err := viewer.Write([]byte("GET /cam/desk.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	var want []byte
	testutil.Eventually(t, "a picture comes in", func() bool {
		want = a.picture() // the same each time; the hub may not be subscribed yet
		_, body := get(t, page+"/api/v1/cameras/desk")
		return !bytes.Contains(body, []byte(`"frames_in":0`))
	})
	r := bufio.NewReader(viewer)
	var got []byte
	for !bytes.Contains(got, want) {
		line, err := r.ReadBytes('\n')
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line...)
	}
	if code, picture := get(t, page+"/cam/desk.jpeg"); code != http.StatusOK || !bytes.Equal(picture, want) {
		t.Errorf("%d, %d bytes", code, len(picture))
	}
	stop()
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Errorf("the viewer's response does not end well: %v", err)
	}
}

// occupied returns an address on which something listens.
func occupied(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// free returns an address on which nothing listened a moment ago.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// A hub that cannot start says which flag helps, and leaves nothing behind.
func TestCannotStart(t *testing.T) {
	for name, test := range map[string]struct {
		cfg  Config
		says []string
	}{
		"HTTP port is taken": {Config{HTTP: occupied(t), NATS: free(t)}, []string{"HTTP: ", "--http"}},
		"NATS port is taken": {Config{HTTP: free(t), NATS: occupied(t)}, []string{"NATS", "--nats", "--nats-url"}},
		"no such port":       {Config{HTTP: "127.0.0.1:web", NATS: free(t)}, []string{"HTTP: ", "--http"}},
		"no NATS URL":        {Config{HTTP: free(t), NATSURL: "nats://exa mple.com"}, []string{"NATS: "}},
		"no NATS config": {Config{HTTP: free(t), NATS: free(t), NATSConfig: filepath.Join(t.TempDir(), "none.conf")},
			[]string{"none.conf"}},
	} {
		t.Run(name, func(t *testing.T) {
			test.cfg.Log = testutil.Log(t)
			h, err := New(test.cfg)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), testutil.Timeout)
			defer cancel()
			err = h.Run(ctx)
			if err == nil {
				t.Fatal("the hub starts")
			}
			for _, part := range test.says {
				if !strings.Contains(setting.Flags(err), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			cancel()
			if _, _, err := h.WaitStarted(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("WaitStarted: %v", err)
			}
			for _, addr := range []string{test.cfg.HTTP, test.cfg.NATS} {
				if c, err := net.Dial("tcp", addr); err == nil {
					_ = c.Close()
					if !strings.Contains(name, "taken") {
						t.Errorf("something listens on %s", addr)
					}
				}
			}
		})
	}
}

// A hub without NATS starts, says so, and stops.
func TestWithoutNATS(t *testing.T) {
	page, natsURL, stop := start(t, Config{NATSURL: "nats://127.0.0.1:1"})
	if natsURL != "nats://127.0.0.1:1" {
		t.Error(natsURL)
	}
	if code, body := get(t, page+"/readyz"); code != http.StatusServiceUnavailable ||
		!bytes.Contains(body, []byte("no connection to NATS")) {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := get(t, page+"/healthz"); code != http.StatusOK {
		t.Error(code)
	}
	stop()
}

// The embedded server takes a NATS configuration file.
func TestNATSConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:-1\nserver_name: from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, natsURL, _ := start(t, Config{NATSConfig: file})
	nc := testutil.Connect(t, natsURL)
	if nc.ConnectedServerName() != "from-file" {
		t.Error(nc.ConnectedServerName())
	}
}

// New fills in what a program may leave out.
func TestDefaults(t *testing.T) {
	h, err := New(Config{HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0"})
	if err != nil || h.cfg.Log == nil {
		t.Errorf("%+v, %v", h, err)
	}
}
