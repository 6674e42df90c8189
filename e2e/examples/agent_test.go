package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

// pythonAgent is examples/python/agent.py beside a NATS server, and what it publishes.
type pythonAgent struct {
	*proc.Process
	t        *testing.T
	server   *server.Server
	nc       *nats.Conn
	pictures [][]byte
	folder   string
	statuses chan *nats.Msg
}

const pythonFPS = 20

func startPythonAgent(t *testing.T) *pythonAgent {
	need(t, "python3")
	a := &pythonAgent{t: t, folder: t.TempDir(), server: testutil.StartServer(t, server.Options{}),
		statuses: make(chan *nats.Msg, 1<<10)}
	for i := range 3 {
		p := picture(t, 640, 480, uint8(60*(i+1)))
		testutil.WriteFile(t, filepath.Join(a.folder, strconv.Itoa(i)+".jpeg"), p)
		a.pictures = append(a.pictures, p)
	}
	a.nc = testutil.Connect(t, a.server.ClientURL())
	if _, err := a.nc.ChanSubscribe("cam.porch.status", a.statuses); err != nil {
		t.Fatal(err)
	}
	a.Process = a.another()
	a.waitState(status.Idle)
	return a
}

// another starts the program once more.
func (a *pythonAgent) another() *proc.Process {
	env := []string{"PYTHONDONTWRITEBYTECODE=1", "BRAMBLE_LINGER=0.5"}
	return start(a.t, env, "python3", script("agent.py"), a.server.ClientURL(), "porch", strconv.Itoa(pythonFPS), a.folder)
}

func (a *pythonAgent) waitState(want status.State) status.Status {
	a.t.Helper()
	for {
		var s status.Status
		msg := testutil.Receive(a.t, "a status that says "+string(want), a.statuses)
		if err := json.Unmarshal(msg.Data, &s); err != nil {
			a.t.Fatalf("%s: %v", msg.Data, err)
		}
		if s.State == want {
			return s
		}
	}
}

func (a *pythonAgent) do(verb string) *nats.Msg {
	a.t.Helper()
	msg, err := a.nc.Request("cam.porch.do."+verb, nil, testutil.Timeout)
	if err != nil {
		a.t.Fatal(err)
	}
	return msg
}

// frames subscribes, and returns n frames that come one after the other.
func (a *pythonAgent) frames(n int) (frames []frame.Frame) {
	a.t.Helper()
	got := make(chan *nats.Msg, 1<<10)
	sub, err := a.nc.ChanSubscribe("cam.porch.jpeg", got)
	if err != nil {
		a.t.Fatal(err)
	}
	for len(frames) < n {
		msg := testutil.Receive(a.t, "a frame", got)
		if len(msg.Data) == 0 {
			continue
		}
		frames = append(frames, a.decode(msg))
	}
	if err := sub.Unsubscribe(); err != nil {
		a.t.Fatal(err)
	}
	return frames
}

func (a *pythonAgent) decode(msg *nats.Msg) frame.Frame {
	a.t.Helper()
	f, err := frame.Decode(frame.JPEG, frame.Header(msg.Header), msg.Data)
	if err != nil {
		a.t.Fatal(err)
	}
	return f
}

// received is how many bytes the server has had of the program.
func (a *pythonAgent) received() int64 {
	a.t.Helper()
	conns, err := a.server.Connz(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, c := range conns.Conns {
		if c.Name == "agent.py" {
			return c.InBytes
		}
	}
	a.t.Fatal("agent.py is not connected")
	return 0
}

// The program publishes while it has a subscriber, in order and with the right headers, and not a frame otherwise.
func TestPythonAgentFollowsInterest(t *testing.T) {
	t.Parallel()
	a := startPythonAgent(t)
	first := a.frames(3 * pythonFPS / 2) // of more than a second, so that one has carried a question
	for i, f := range first {
		if f.Epoch != first[0].Epoch || i > 0 && (f.Seq != first[i-1].Seq+1 || f.PTS <= first[i-1].PTS ||
			f.CaptureTime.Before(first[i-1].CaptureTime)) {
			t.Fatalf("frame %d is %d of %d at %v, after %d at %v", i, f.Seq, f.Epoch, f.PTS, first[max(i, 1)-1].Seq,
				first[max(i, 1)-1].PTS)
		}
		if want := a.pictures[f.Seq%uint64(len(a.pictures))]; !bytes.Equal(f.Payload, want) {
			t.Fatalf("frame %d is not picture %d", f.Seq, f.Seq%uint64(len(a.pictures)))
		}
	}
	if s := a.waitState(status.Live); s.Epoch != first[0].Epoch || s.Format != frame.JPEG {
		t.Errorf("status %+v of frames of epoch %d", s, first[0].Epoch)
	}
	idle := a.waitState(status.Idle)
	before := a.received()
	testutil.Receive(t, "a status", a.statuses) // 4 s
	if got := a.received() - before; got >= int64(len(a.pictures[0])) || got == 0 {
		t.Errorf("without subscribers %d bytes were published; a picture has %d, questions and a status less", got,
			len(a.pictures[0]))
	}
	if info := a.statusOf(a.do("info")); info.Frames != idle.Frames {
		t.Errorf("the camera made %d pictures without a subscriber", info.Frames-idle.Frames)
	}
	second := a.frames(1)
	if second[0].Epoch <= first[0].Epoch {
		t.Errorf("the second epoch is %d, after %d", second[0].Epoch, first[0].Epoch)
	}
}

func (a *pythonAgent) statusOf(msg *nats.Msg) (s status.Status) {
	a.t.Helper()
	if err := json.Unmarshal(msg.Data, &s); err != nil {
		a.t.Fatalf("%s: %v", msg.Data, err)
	}
	return s
}

// The hub finds the program's camera and shows its pictures.
func TestPythonAgentAtTheHub(t *testing.T) {
	t.Parallel()
	a := startPythonAgent(t)
	h, err := hub.New(hub.Config{HTTP: "127.0.0.1:0", NATSURL: a.server.ClientURL(), Linger: 1, Log: testutil.Log(t)})
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, h.Run)
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	if _, _, err := h.WaitStarted(ctx); err != nil {
		t.Fatal(err)
	}
	web := &http.Client{Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	var body []byte
	testutil.Eventually(t, "the hub shows a picture", func() bool {
		resp, err := web.Get(h.Page() + "cam/porch.jpeg")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }() // it was read to its end
		body, err = io.ReadAll(resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK
	})
	if !slices.ContainsFunc(a.pictures, func(p []byte) bool { return bytes.Equal(p, body) }) {
		t.Errorf("the hub shows %d bytes that are none of the pictures", len(body))
	}
	a.waitState(status.Live)
	a.waitState(status.Idle)
}

func TestPythonAgentAnswers(t *testing.T) {
	t.Parallel()
	a := startPythonAgent(t)
	if f := a.decode(a.do("snapshot")); f.Seq != 0 || !bytes.Equal(f.Payload, a.pictures[0]) {
		t.Errorf("the snapshot is frame %d, of %d bytes", f.Seq, len(f.Payload))
	}
	for _, verb := range []string{"keyframe", "configure"} {
		if msg := a.do(verb); msg.Header.Get(micro.ErrorCodeHeader) != "501" || msg.Header.Get(micro.ErrorHeader) == "" {
			t.Errorf("%s: %v", verb, msg.Header)
		}
	}
	info := a.statusOf(a.do("info"))
	if info.Camera != "porch" || info.Instance == "" || info.Format != frame.JPEG || info.Host == "" {
		t.Errorf("info: %+v", info)
	}
	a.waitState(status.Idle)
	if msg := a.do("wake"); string(msg.Data) != `{"ok":true}` {
		t.Errorf("wake: %s", msg.Data)
	}
	a.waitState(status.Live)

	for _, subject := range []string{"$SRV.%s", "$SRV.%s.camera", "$SRV.%s.camera." + info.Instance} {
		var ping micro.Ping
		var about micro.Info
		var stats micro.Stats
		for kind, doc := range map[string]any{"PING": &ping, "INFO": &about, "STATS": &stats} {
			msg, err := a.nc.Request(string(bytes.Replace([]byte(subject), []byte("%s"), []byte(kind), 1)), nil,
				testutil.Timeout)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(msg.Data, doc); err != nil {
				t.Fatalf("%s: %v", msg.Data, err)
			}
		}
		if ping.Name != "camera" || ping.ID != info.Instance || ping.Metadata["camera"] != "porch" ||
			ping.Metadata["root"] != "cam" || ping.Type != micro.PingResponseType {
			t.Errorf("ping: %+v", ping)
		}
		if len(about.Endpoints) != 5 || about.Endpoints[0].Subject != "cam.porch.do.info" ||
			about.Endpoints[0].QueueGroup != "" || about.Type != micro.InfoResponseType {
			t.Errorf("info: %+v", about)
		}
		if len(stats.Endpoints) != 5 || stats.Endpoints[0].NumRequests < 1 || stats.Started.IsZero() ||
			stats.Type != micro.StatsResponseType {
			t.Errorf("stats: %+v", stats)
		}
	}

	// An answer that would pass for a picture of another camera is not given.
	garden, err := a.nc.SubscribeSync("cam.garden.jpeg")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.nc.PublishRequest("cam.porch.do.snapshot", "cam.garden.jpeg", nil); err != nil {
		t.Fatal(err)
	}
	a.do("snapshot") // asked later, answered in order
	if n, _, err := garden.Pending(); n > 0 || err != nil {
		t.Errorf("%d answers as another camera, %v", n, err)
	}

	other := a.another()
	waitEnded(t, other)
	if want := "served already"; !bytes.Contains([]byte(other.Output()), []byte(want)) {
		t.Errorf("a second agent of the same camera says %s", other.Output())
	}
	if err := a.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	a.waitState(status.Stopped)
	waitEnded(t, a.Process)
	if said := a.Output(); said != "" {
		t.Errorf("agent.py said %s", said)
	}
}

// The program comes back by itself when the server does.
func TestPythonAgentComesBack(t *testing.T) {
	t.Parallel()
	a := startPythonAgent(t)
	first := a.frames(1)
	port := testutil.Port(t, a.server)
	a.nc.Close()
	testutil.StopServer(a.server)
	a.server = testutil.StartServer(t, server.Options{Port: port})
	a.nc = testutil.Connect(t, a.server.ClientURL())
	if again := a.frames(3); again[0].Epoch < first[0].Epoch {
		t.Errorf("epoch %d after %d", again[0].Epoch, first[0].Epoch)
	}
}
