package agent

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/bramble-cam/bramble/internal/setting"
)

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"no hub", func(c *Config) { c.Hub = "" }, []string{"no hub", "--hub nats://HOST:4222"}},
		{"camera twice", func(c *Config) { c.Cameras = append(c.Cameras, c.Cameras[0]) },
			[]string{"camera porch is given twice", "name of its own"}},
		{"bad name", func(c *Config) { c.Cameras[0].Name = "Porch" }, []string{`camera id "Porch"`, "a-z, 0-9"}},
		{"empty name", func(c *Config) { c.Cameras[0].Name = "" }, []string{`camera id ""`}},
		{"bad source", func(c *Config) { c.Cameras[0].Source = "webcam:0" },
			[]string{"camera porch", `"webcam"`, "exec, file, pattern, rpicam and v4l2"}},
		{"missing file", func(c *Config) { c.Cameras[0].Source = "file:gone.jpeg" }, []string{"camera porch", "gone.jpeg"}},
		{"bad root", func(c *Config) { c.SubjectRoot = "a b" }, []string{`subject root "a b"`, "tokens"}},
		{"negative linger", func(c *Config) { c.Linger = -time.Second }, []string{"linger -1s", "10s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(t, "nats://example.com:4222", "porch=file:clip.jpeg")
			c.change(&cfg)
			_, err := New(cfg)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, part := range c.want {
				if !strings.Contains(setting.Flags(err), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	a, err := New(Config{
		Hub: "nats://example.com:4222", Cameras: []Camera{{"porch", "file:clip.jpeg"}}, Files: fstest.MapFS{"clip.jpeg": {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := a.cameras[0].status
	if s.Host == "" || s.Agent == "" || s.Instance == "" || s.Started.IsZero() || a.log == nil {
		t.Errorf("%+v", s)
	}
}

func TestParseCamera(t *testing.T) {
	for spec, want := range map[string]Camera{
		"porch=pattern:":                    {"porch", "pattern:"},
		"a-1=exec:a=b; c | d=e#format=h264": {"a-1", "exec:a=b; c | d=e#format=h264"},
		"0=":                                {"0", ""},
		strings.Repeat("x", 63) + "=file:clip.jpeg": {strings.Repeat("x", 63), "file:clip.jpeg"},
	} {
		if got, err := ParseCamera(spec); err != nil || got != want {
			t.Errorf("%q: %+v, %v", spec, got, err)
		}
	}
	for spec, want := range map[string]string{
		"porch":                       "NAME=SOURCE",
		"":                            "porch=pattern:",
		"Porch=pattern:":              "not allowed",
		"=pattern:":                   "not allowed",
		"-porch=pattern:":             "not allowed",
		"porch.1=pattern:":            "not allowed",
		strings.Repeat("x", 64) + "=": "not allowed",
	} {
		if got, err := ParseCamera(spec); err == nil || !strings.Contains(setting.Flags(err), want) {
			t.Errorf("%q: %+v, %v; want %q", spec, got, err, want)
		}
	}
}

func TestRedact(t *testing.T) {
	for urls, want := range map[string]string{
		"nats://hub:4222":                        "nats://hub:4222",
		"nats://joe:secret@hub:4222":             "nats://xxxxx@hub:4222",
		"nats://token@hub:4222, tls://a:b@c:1":   "nats://xxxxx@hub:4222,tls://xxxxx@c:1",
		"nats://joe:se%zzcret@hub":               "(unreadable URL)",
		"nats://a:1,nats://joe:secret@hub:4222,": "nats://a:1,nats://xxxxx@hub:4222,",
	} {
		if got := redact(urls); got != want {
			t.Errorf("%q: %q, want %q", urls, got, want)
		}
	}
}
