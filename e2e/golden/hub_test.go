package golden

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// relay is a hub that runs in this process.
type relay struct {
	t    *testing.T
	addr string // of HTTP
	nats string // URL

	variables map[string]string // texts for ${NAME} in requests
	usual     []string          // header lines of every answer
	agents    []*agent
}

// start runs a hub with the settings that bramble-hub has by default, but for change.
func start(t *testing.T, change func(*hub.Config)) *relay {
	t.Helper()
	cfg := hub.Config{
		HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", SubjectRoot: "cam", Version: "1.2.3", Log: testutil.Log(t),
		Linger: 10 * time.Second, WriteTimeout: 10 * time.Second, FFmpeg: "/no/ffmpeg/here", HWAccel: "none",
		MaxTranscodes: 8, MaxTranscodeMemory: 1024, MaxFPS: 300, MaxMegapixels: 40, MaxBandwidth: 50,
		MaxCameras: 4096, MaxCamerasPerAgent: 256, TrustedProxies: []string{"127.0.0.0/8", "::1"},
		Limits: hub.Limits{Viewers: 4000, PerAddress: 1000, PerCamera: 2000, Rate: 1000},
	}
	if change != nil {
		change(&cfg)
	}
	h, err := hub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, h.Run)
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	addr, url, err := h.WaitStarted(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return &relay{t: t, addr: addr, nats: url, variables: map[string]string{}}
}

// moment is when all frames of the tests were captured, and when all that an agent tells happened.
func moment() time.Time { return time.Unix(1_767_225_600, 123_456_000).UTC() }

// agent publishes as the wire protocol says, with nothing of Bramble's agent.
type agent struct {
	t      *testing.T
	nc     *nats.Conn
	status status.Status
}

// camera adds a camera in that state. Frames of a live one are published until the test ends, each the same.
func (r *relay) camera(nc *nats.Conn, id string, format frame.Format, state status.State) *agent {
	r.t.Helper()
	celsius := 48.5
	a := &agent{t: r.t, nc: nc, status: status.Status{
		Camera: id, Instance: "instance-of-" + id, Started: moment(), Host: "pi", Agent: "1.0.0", State: state,
		Since:  moment(),
		Source: "test", Format: format, Epoch: 1, Width: 320, Height: 240, FPS: 10, Bitrate: 123456, Frames: 100, Sent: 90,
		Drops: map[string]uint64{"queue-full": 3}, Clock: status.Clock{Source: status.ClockSensor, Error: 250},
		Temperature: &celsius,
	}}
	r.agents = append(r.agents, a)
	space := subject.Space{}
	a.answer(space.Do(id, subject.Info), func(*nats.Msg) *nats.Msg { return a.info() })
	a.answer(space.Do(id, subject.Configure), a.configure)
	a.publish()
	if state == status.Stopped {
		return a
	}
	data := read(r.t, "desk.jpg")
	if format == frame.H264 {
		data = read(r.t, "yard.h264")
	}
	testutil.Run(r.t, func(ctx context.Context) error {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for seq := uint64(0); ; seq++ {
			f := frame.Frame{
				Format: format, Seq: seq, PTS: time.Duration(seq) * 100 * time.Millisecond, CaptureTime: moment(), Epoch: 1,
				Key: format == frame.H264, Payload: data,
			}
			header := make(frame.Header)
			frame.Encode(header, &f)
			if err := nc.PublishMsg(&nats.Msg{Subject: space.Frames(id, format), Header: nats.Header(header),
				Data: data}); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
		}
	})
	return a
}

// publish publishes the status.
func (a *agent) publish() {
	a.send(&nats.Msg{Subject: subject.Space{}.Status(a.status.Camera), Data: a.document()})
}

func (a *agent) send(m *nats.Msg) {
	if err := a.nc.PublishMsg(m); err != nil {
		a.t.Error(err)
	}
}

func (a *agent) answer(subj string, f func(*nats.Msg) *nats.Msg) {
	_, err := a.nc.Subscribe(subj, func(m *nats.Msg) {
		reply := f(m)
		if m.Reply == "" {
			return
		}
		reply.Subject = m.Reply
		a.send(reply)
	})
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *agent) document() []byte {
	data, err := json.Marshal(a.status)
	if err != nil {
		a.t.Error(err)
	}
	return data
}

// info answers with the camera's status and its controls.
func (a *agent) info() *nats.Msg {
	with := *a
	with.status.Controls = []status.Control{
		{Name: "brightness", Type: "int", Min: -64, Max: 64, Step: 1, Value: 7},
		{Name: "power_line_frequency", Type: "menu", Max: 2, Step: 1, Default: 1, Value: 1,
			Menu: []string{"off", "50 Hz", "60 Hz"}},
	}
	return &nats.Msg{Data: with.document()}
}

// configure answers as an agent does, by the quality that is asked for: with an error, not at all, or with the status.
func (a *agent) configure(m *nats.Msg) *nats.Msg {
	set, err := status.DecodeSettings(m.Data)
	code := ""
	switch {
	case err != nil:
		a.t.Error(err)
	case set.Quality == nil:
	case *set.Quality == 1:
		code = "501"
	case *set.Quality == 2:
		code = "429"
	}
	if code != "" {
		return &nats.Msg{Header: nats.Header{"Nats-Service-Error-Code": {code}, "Nats-Service-Error": {"the agent says why"}}}
	}
	return a.info()
}

// populate adds a camera of each kind, and waits until the hub knows them: "gone" and "left" are offline.
func (r *relay) populate(nc *nats.Conn) {
	r.t.Helper()
	r.camera(nc, "desk", frame.JPEG, status.Live)
	r.camera(nc, "gone", frame.JPEG, status.Stopped)
	r.camera(nc, "left", frame.H264, status.Stopped)
	r.camera(nc, "yard", frame.H264, status.Live)
	r.known()
}

// known waits until the hub knows all cameras. Their status may have been too early for it, so that is published again.
func (r *relay) known() {
	r.t.Helper()
	testutil.Eventually(r.t, "the hub knows the cameras", func() bool {
		var list struct {
			Cameras []struct{ ID string }
		}
		ex := r.do(request{target: "/api/v1/cameras", header: r.admin()})
		if err := json.Unmarshal(ex.body, &list); err != nil {
			r.t.Fatalf("%v: %s", err, ex.body)
		}
		for _, a := range r.agents {
			if !slices.ContainsFunc(list.Cameras, func(c struct{ ID string }) bool { return c.ID == a.status.Camera }) {
				a.publish()
			}
		}
		return len(list.Cameras) == len(r.agents)
	})
}

// admin returns the header that shows an admin's token, if the hub has users.
func (r *relay) admin() []string {
	if token := r.variables["ADMIN-TOKEN"]; token != "" {
		return []string{"Authorization: Bearer " + token}
	}
	return nil
}

// password is that of all users.
const password = "correct horse battery"

// guarded runs a hub with users, groups, tokens and links, which bramble-hub makes.
func guarded(t *testing.T, change func(*hub.Config)) *relay {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials.json")
	do := func(stdin string, args ...string) string {
		return must(t, stdin, "bramble-hub", append(args, "--credentials", file)...)
	}
	for name, args := range map[string][]string{
		"root": {"--role", "admin"}, "otto": {"--role", "operator", "--cameras", "desk,yard"},
		"anna": {"--cameras", "desk,yard"}, "nora": {"--cameras", "porch"},
	} {
		do(password+"\n", append([]string{"user", "add", name, "--password-stdin"}, args...)...)
	}
	variables := map[string]string{
		"ADMIN-TOKEN": do("", "token", "add", "root", "tests"),
		"ANNA-TOKEN":  do("", "token", "add", "anna", "tests"),
	}
	_, variables["LINK"], _ = strings.Cut(do("", "link", "desk", "--format", "mjpeg,jpeg"), "?link=")
	variables["LINK"], _, _ = strings.Cut(variables["LINK"], "\n")
	_, agentToken, _ := strings.Cut(do("", "agent", "add", "pi", "--cameras", "desk,gone,left,yard"), "\n")
	r := start(t, func(cfg *hub.Config) {
		cfg.Credentials = file
		if change != nil {
			change(cfg)
		}
	})
	r.variables = variables
	seed := filepath.Join(t.TempDir(), "seed")
	if err := os.WriteFile(seed, []byte(agentToken), 0o600); err != nil {
		t.Fatal(err)
	}
	option, err := nats.NkeyOptionFromSeed(seed)
	if err != nil {
		t.Fatal(err)
	}
	r.populate(r.connect(option))
	for _, user := range []string{"anna", "nora", "otto", "root"} {
		ex := r.do(request{
			method: http.MethodPost, target: "/login", header: []string{"Content-Type: application/x-www-form-urlencoded"},
			body: "user=" + user + "&password=" + strings.ReplaceAll(password, " ", "+"),
		})
		cookie, _, _ := strings.Cut(ex.header.Get("Set-Cookie"), ";")
		r.variables[strings.ToUpper(user)+"-COOKIE"] = cookie
	}
	return r
}

// connect connects to the hub's NATS server until the test ends.
func (r *relay) connect(options ...nats.Option) *nats.Conn {
	r.t.Helper()
	closed := make(chan struct{})
	nc, err := nats.Connect(r.nats, append(options, nats.ClosedHandler(func(*nats.Conn) { close(closed) }))...)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		nc.Close()
		<-closed
	})
	return nc
}
