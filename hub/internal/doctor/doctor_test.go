package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// want is a finding, of which parts are given.
type want struct {
	level         Level
	check         string
	found, remedy string
}

// compare finds each of what is wanted, and nothing else that is no OK if complete is set.
func compare(t *testing.T, got []Finding, complete bool, wants ...want) {
	t.Helper()
	for _, w := range wants {
		found := false
		for _, f := range got {
			found = found || f.Level == w.level && f.Check == w.check && strings.Contains(f.Found, w.found) &&
				strings.Contains(f.Remedy, w.remedy)
		}
		if !found {
			t.Errorf("no finding %+v in %+v", w, got)
		}
	}
	for _, f := range got {
		if (f.Level == OK) != (f.Remedy == "") {
			t.Errorf("%+v: what is well needs no remedy, and all else one", f)
		}
		wanted := false
		for _, w := range wants {
			wanted = wanted || f.Level == w.level && f.Check == w.check
		}
		if complete && f.Level != OK && !wanted {
			t.Errorf("too much: %+v", f)
		}
	}
}

func examine(t *testing.T, cfg Config) *examination {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = testutil.Log(t)
	}
	if cfg.Version == "" {
		cfg.Version = "1.2.0"
	}
	return &examination{cfg: cfg}
}

// closing is the address of a server that closes each connection without a word.
func closing(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stop := testutil.Run(t, func(context.Context) error {
		for {
			conn, err := l.Accept()
			if err != nil {
				return nil //nolint:nilerr // it was closed
			}
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { _ = l.Close(); stop() })
	return l.Addr().String()
}

func TestPage(t *testing.T) {
	hub := func(answer string, code int, header ...string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
			_, _ = w.Write([]byte(answer))
		}))
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	for name, test := range map[string]struct {
		addr string
		want want
	}{
		"free":     {"127.0.0.1:0", want{OK, "HTTP", "is free", ""}},
		"this hub": {hub(`{"version":"1.2.0","subject_root":"cam"}`, 200), want{OK, "HTTP", "of this version", ""}},
		"an older hub": {hub(`{"version":"1.1.0","subject_root":"cam"}`, 200),
			want{Warn, "HTTP", "has version 1.1.0, this program 1.2.0", "restart"}},
		"a hub with users": {hub("", 401, "WWW-Authenticate", `Basic realm="bramble"`),
			want{OK, "HTTP", "to its users only", ""}},
		"another program":        {hub("hello", 200), want{Fail, "HTTP", "not by a hub", "{http}"}},
		"no HTTP":                {closing(t), want{Fail, "HTTP", "not by a hub", "{http}"}},
		"another host's address": {"192.0.2.1:0", want{Fail, "HTTP", "192.0.2.1", "{http}"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := examine(t, Config{HTTP: test.addr})
			e.http(t.Context())
			compare(t, e.findings, true, test.want)
		})
	}
}

func natsAt(t *testing.T, opts server.Options) string {
	t.Helper()
	return strings.TrimPrefix(testutil.StartServer(t, opts).ClientURL(), "nats://")
}

func TestBus(t *testing.T) {
	small := natsAt(t, server.Options{MaxPayload: 1 << 20, MaxSubTokens: 8})
	large := natsAt(t, server.Options{MaxPayload: frame.MaxPayload, MaxSubTokens: 8})
	asks := natsAt(t, server.Options{MaxPayload: frame.MaxPayload, Username: "x", Password: "y"})
	for name, test := range map[string]struct {
		cfg   Config
		wants []want
	}{
		"free":              {Config{NATS: "127.0.0.1:0"}, []want{{OK, "NATS", "is free", ""}}},
		"taken":             {Config{NATS: closing(t)}, []want{{Fail, "NATS", "is taken", "{nats}"}}},
		"by another server": {Config{NATS: large}, []want{{Fail, "NATS", "by a NATS server", "{nats-url} nats://" + large}}},
		"a file says":       {Config{NATS: large, NATSConfigured: true}, []want{{OK, "NATS", "configuration file", ""}}},
		"small": {Config{NATSURL: small}, []want{{Warn, "NATS", "1024 kB", "max_payload"},
			{Warn, "agents", "none answers", "bramble-agent"}}},
		"unbounded": {Config{NATSURL: natsAt(t, server.Options{MaxPayload: frame.MaxPayload, MaxSubTokens: 9})}, []want{
			{Warn, "NATS", "any depth", "max_subscription_tokens"}, {Warn, "agents", "none answers", ""},
		}},
		"JetStream": {Config{NATSURL: natsAt(t, server.Options{MaxPayload: frame.MaxPayload, MaxSubTokens: 8, JetStream: true,
			StoreDir: t.TempDir()})}, []want{
			{Warn, "NATS", "JetStream", "websocket-mqtt.conf"}, {Warn, "agents", "none answers", ""},
		}},
		"one of two": {Config{NATSURL: "nats://127.0.0.1:1,nats://" + large},
			[]want{{Warn, "NATS", "127.0.0.1:1", "firewall"}, {OK, "NATS", large, ""}, {Warn, "agents", "none answers", ""}}},
		"none": {Config{NATSURL: "nats://127.0.0.1:1"},
			[]want{{Warn, "NATS", "127.0.0.1:1", ""}, {Fail, "NATS", "no server", "start one"}}},
		"not let in": {Config{NATSURL: asks},
			[]want{{OK, "NATS", asks, ""}, {Fail, "NATS", "refuses this hub", "{nats-credential-file}"}}},
		"no URL": {Config{NATSURL: "nats://a b"}, []want{{Fail, "NATS", "cannot be read", "nats://HOST:PORT"},
			{Fail, "NATS", "no server", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := examine(t, test.cfg)
			e.nats(t.Context())
			compare(t, e.findings, true, test.wants...)
		})
	}
}

// Agents are judged by what they say when they are asked.
func TestAgents(t *testing.T) {
	addr := natsAt(t, server.Options{ServerName: "bramble-hub", MaxPayload: frame.MaxPayload})
	nc := testutil.Connect(t, "nats://"+addr)
	warm, celsius := time.Now(), 84.0
	good := status.Status{Camera: "good", Instance: "1", Host: "pi1", Agent: "1.2.7", State: status.Idle,
		Format: frame.JPEG, Started: warm, Clock: status.Clock{Error: 900}}
	twin := good
	twin.Camera = "twin"
	bad := status.Status{
		Camera: "bad", Instance: "2", Host: "pi2", Agent: "1.1.0", State: status.Degraded, Reason: "plug it in",
		Warning: "ask for MJPEG", Format: frame.JPEG, Started: warm,
		Clock: status.Clock{Error: -1}, Temperature: &celsius,
	}
	ahead := status.Status{Camera: "ahead", Instance: "3", Host: "pi3", Agent: "1.2.0", State: status.Idle,
		Format: frame.JPEG, Started: warm.Add(time.Hour), Clock: status.Clock{Error: 100}}
	testutil.Run(t, func(ctx context.Context) error {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-tick.C:
			}
			for _, s := range []status.Status{good, twin, bad, ahead} {
				data, err := json.Marshal(s)
				if err == nil {
					err = nc.Publish("cam."+s.Camera+".status", data)
				}
				if err != nil {
					return err
				}
			}
		}
	})
	e := examine(t, Config{NATS: addr})
	e.nats(t.Context())
	compare(t, e.findings, true,
		want{OK, "NATS", "a hub runs", ""},
		want{OK, "agents", "pi1 (good, twin) has version 1.2.7, and a clock that is right within 0.9 ms", ""},
		want{Warn, "agents", "pi2 (bad) has version 1.1.0, this program 1.2.0", "update the older"},
		want{Warn, "agents", "nothing keeps the clock of pi2", "timedatectl"},
		want{Warn, "agents", "pi2 (bad) has 84 °C", "more air"},
		want{Warn, "agents", "camera bad at pi2 gives no frames", "plug it in"},
		want{Warn, "agents", "camera bad at pi2 works, but", "MJPEG"},
		want{Warn, "agents", "the clock of pi3 (ahead) is", "timedatectl"},
	)
}

func TestState(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "not", "there", "credentials.json")
	e := examine(t, Config{Credentials: file})
	e.credentials()
	e.state()
	compare(t, e.findings, true, want{OK, "credentials", "authentication is off", ""},
		want{OK, "state", dir + " can be written", ""})
	if _, err := os.Stat(filepath.Dir(file)); err == nil {
		t.Error("it has made a directory")
	}
	if err := credstore.Edit(file,
		func(d *credstore.File) error { _, err := d.AddAgent("porch", []string{"porch"}); return err }); err != nil {
		t.Fatal(err)
	}
	e = examine(t, Config{Credentials: file})
	e.credentials()
	compare(t, e.findings, true, want{OK, "credentials", "0 users, 1 agents", ""})
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	e = examine(t, Config{Credentials: file})
	e.credentials()
	compare(t, e.findings, true, want{Fail, "credentials", "chmod 600", "do what it says"})
}

func TestLimits(t *testing.T) {
	e := examine(t, Config{MaxViewers: 1 << 40})
	e.limits()
	compare(t, e.findings, false, want{Warn, "open files", "are allowed", "LimitNOFILE="})
	e = examine(t, Config{MaxViewers: 1})
	e.limits()
	compare(t, e.findings, false, want{OK, "open files", "are allowed", ""})
}

func TestFFmpeg(t *testing.T) {
	script := filepath.Join(t.TempDir(), "ffmpeg")
	const program = "#!/bin/sh\n" +
		"case $1 in -version) echo ffmpeg version 4.4 x;; *) cat >/dev/null; echo No device >&2; exit 1;; esac\n"
	if err := os.WriteFile(script, []byte(program), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg  Config
		want want
	}{
		"none": {Config{FFmpeg: filepath.Join(t.TempDir(), "none")},
			want{Warn, "ffmpeg", "not found", "apt-get install ffmpeg"}},
		"fails": {Config{FFmpeg: script}, want{Fail, "ffmpeg", "it said: No device", "libx264"}},
		"hardware": {Config{FFmpeg: script, HWAccel: "vaapi"},
			want{Fail, "ffmpeg", "{hwaccel} vaapi", "groups video and render"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := examine(t, test.cfg)
			e.ffmpeg(t.Context())
			compare(t, e.findings, true, test.want)
		})
	}
	for version, want := range map[string]bool{"5.1.9-0+deb12u1": false, "5.0": true, "4.4.2": true, "n7.1": false,
		"N-12345-gabc": false, "10.0": false} {
		if older(version, 5, 1) != want {
			t.Errorf("%s is older than 5.1: %t", version, !want)
		}
	}
}

func TestPrint(t *testing.T) {
	list := []Finding{{OK, "HTTP", "is free", ""}, {Fail, "NATS", "is taken", "choose another"}}
	var out bytes.Buffer
	if err := Print(&out, list); err != nil {
		t.Fatal(err)
	}
	const want = "OK    HTTP         is free\nFAIL  NATS         is taken\n                   -> choose another\n"
	if got := out.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !Failed(list) || Failed(list[:1]) {
		t.Error("failed?")
	}
}

// All of it at once ends, and finds something about each thing.
func TestExamine(t *testing.T) {
	list := Examine(t.Context(), Config{
		HTTP: "127.0.0.1:0", NATS: "127.0.0.1:0", Credentials: filepath.Join(t.TempDir(), "credentials.json"),
		FFmpeg: "none-such", MaxViewers: 10, Version: "1.2.0", Log: slog.New(slog.DiscardHandler),
	})
	said := map[string]bool{}
	for _, f := range list {
		said[f.Check] = true
	}
	for _, check := range []string{"settings", "credentials", "state", "HTTP", "NATS", "ffmpeg", "clock"} {
		if !said[check] {
			t.Errorf("nothing about %s in %+v", check, list)
		}
	}
	if Failed(list) {
		t.Errorf("%+v", list)
	}
}
