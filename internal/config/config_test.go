package config

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings are of each type that the programs use.
type settings struct {
	Logging `embed:""`

	Hub      string          `default:"nats://default:4222"`
	Camera   []string        `sep:"none"`
	Origin   []string        `default:"a,b"`
	Linger   time.Duration   `default:"10s"`
	Viewers  int             `default:"100"`
	Takeover bool            ``
	Config   kong.ConfigFlag ``
}

// parse parses args, with env in the environment and file as configuration file unless it is empty.
func parse(t *testing.T, args []string, env map[string]string, file string) (settings, error) {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	if file != "" {
		path := filepath.Join(t.TempDir(), "bramble.yaml")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append([]string{"--config", path}, args...)
	}
	var s settings
	parser, err := kong.New(&s, Options("bramble-test", "A test.", "1.2.3")...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return s, err
}

// TestPrecedence: flag, environment, file, default.
func TestPrecedence(t *testing.T) {
	flag, env, file := []string{"--hub=flag"}, map[string]string{"BRAMBLE_HUB": "env"}, "hub: file\n"
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		file string
		want string
	}{
		{"all", flag, env, file, "flag"},
		{"flag and environment", flag, env, "", "flag"},
		{"flag and file", flag, nil, file, "flag"},
		{"flag", flag, nil, "", "flag"},
		{"environment and file", nil, env, file, "env"},
		{"environment", nil, env, "", "env"},
		{"file", nil, nil, file, "file"},
		{"nothing", nil, nil, "", "nats://default:4222"},
		{"empty environment", nil, map[string]string{"BRAMBLE_HUB": ""}, file, ""},
		{"a file without the key", nil, nil, "linger: 1s\n", "nats://default:4222"},
		{"a file with a null", nil, nil, "hub:\n", "nats://default:4222"},
		{"an empty file", nil, nil, "\n# nothing\n", "nats://default:4222"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := parse(t, c.args, c.env, c.file)
			if err != nil {
				t.Fatal(err)
			}
			if s.Hub != c.want {
				t.Errorf("hub %q, want %q", s.Hub, c.want)
			}
		})
	}
}

func TestTypes(t *testing.T) {
	want := settings{
		Logging: Logging{"debug", "json"}, Hub: "nats://a:1,nats://b:2", Camera: []string{"porch=exec:a, b#format=h264",
			"door=pattern:"},
		Origin: []string{"x", "y"}, Linger: 1500 * time.Millisecond, Viewers: 7, Takeover: true,
	}
	check := func(name string, got settings, err error) {
		t.Helper()
		got.Config = ""
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", name, got, err, want)
		}
	}
	got, err := parse(t, nil, nil, `
log-level: debug
log-format: json
hub: nats://a:1,nats://b:2
camera:
  - porch=exec:a, b#format=h264
  - "door=pattern:"
origin: [x, y]
linger: 1.5s
viewers: 7
takeover: true
`)
	check("file", got, err)
	got, err = parse(t, []string{
		"--log-level=debug", "--log-format=json", "--hub=nats://a:1,nats://b:2", "--camera=porch=exec:a, b#format=h264",
		"--camera", "door=pattern:", "--origin=x,y", "--linger=1.5s", "--viewers=7", "--takeover",
	}, nil, "")
	check("flags", got, err)
	want.Camera = want.Camera[:1]
	got, err = parse(t, nil, map[string]string{
		"BRAMBLE_LOG_LEVEL": "debug", "BRAMBLE_LOG_FORMAT": "json", "BRAMBLE_HUB": "nats://a:1,nats://b:2",
		"BRAMBLE_CAMERA": "porch=exec:a, b#format=h264", "BRAMBLE_ORIGIN": "x,y", "BRAMBLE_LINGER": "1.5s",
		"BRAMBLE_VIEWERS": "7", "BRAMBLE_TAKEOVER": "true",
	}, "camera: [other]\norigin: [other]\nlinger: 3s\ntakeover: false\n")
	check("environment over file", got, err)
}

func TestScalarForAList(t *testing.T) {
	s, err := parse(t, nil, nil, "camera: 'porch=exec:a, b#format=h264'\norigin: x,y\n")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s.Camera, []string{"porch=exec:a, b#format=h264"}) ||
		!reflect.DeepEqual(s.Origin, []string{"x", "y"}) {
		t.Errorf("camera %q, origin %q", s.Camera, s.Origin)
	}
}

func TestFlagListReplacesTheFiles(t *testing.T) {
	s, err := parse(t, []string{"--camera=flag"}, nil, "camera: [file1, file2]\n")
	if err != nil || !reflect.DeepEqual(s.Camera, []string{"flag"}) {
		t.Errorf("camera %q, %v", s.Camera, err)
	}
}

// TestErrors: each names what is wrong.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		file string
		want []string
	}{
		{"unknown flag", []string{"--hup=x"}, nil, "", []string{"unknown flag --hup"}},
		{"unknown key", nil, nil, "hup: x\n", []string{`unknown key "hup"`, "known are", "hub, "}},
		{"key in the wrong case", nil, nil, "Hub: x\n", []string{`unknown key "Hub"`}},
		{"bad YAML", nil, nil, "hub: [\n", []string{"configuration file", "line 1"}},
		{"tabs", nil, nil, "hub:\n\tx\n", []string{"configuration file", "line 2"}},
		{"no mapping", nil, nil, "- hub\n", []string{"configuration file"}},
		{"key twice", nil, nil, "hub: a\nhub: b\n", []string{"configuration file", "already defined"}},
		{"duration without unit", nil, nil, "linger: 10\n", []string{"linger", "10", "unit", "10s"}},
		{"duration without unit, fraction", nil, nil, "linger: 1.5\n", []string{"linger", "unit"}},
		{"bad duration", nil, nil, "linger: soon\n", []string{"linger", "soon"}},
		{"bad duration in the environment", nil, map[string]string{"BRAMBLE_LINGER": "10"}, "", []string{"linger", "10"}},
		{"bad number", nil, nil, "viewers: many\n", []string{"viewers", "many"}},
		{"list for one value", nil, nil, "hub: [a, b]\n", []string{"hub"}},
		{"mapping for one value", nil, nil, "hub: {a: b}\n", []string{"hub"}},
		{"bad word", []string{"--log-level=loud"}, nil, "", []string{"log-level", "debug", "loud"}},
		{"bad word in the file", nil, nil, "log-level: loud\n", []string{"log-level", "debug", "loud"}},
		{"no such file", []string{"--config=gone.yaml"}, nil, "", []string{"gone.yaml"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := parse(t, c.args, c.env, c.file)
			if err == nil {
				t.Fatalf("accepted: %+v", s)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("error %q does not say %q", err, part)
				}
			}
		})
	}
}

func TestFail(t *testing.T) {
	_, parseErr := parse(t, []string{"--hup"}, nil, "")
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("no camera"), "bramble-test: no camera\n"},
		{parseErr, "bramble-test: " + parseErr.Error() + "\nTry 'bramble-test --help'.\n"},
	} {
		var out bytes.Buffer
		if code := Fail(&out, "bramble-test", c.err); code != 78 || out.String() != c.want {
			t.Errorf("exit code %d, said %q, want %q", code, out.String(), c.want)
		}
	}
}

func TestLogger(t *testing.T) {
	for _, c := range []struct {
		logging Logging
		want    string
	}{
		{Logging{"info", "text"}, "level=INFO msg=b n=1\nlevel=ERROR msg=c n=1\n"},
		{Logging{"error", "json"}, `{"level":"ERROR","msg":"c","n":1}` + "\n"},
		{Logging{"debug", "text"}, "level=DEBUG msg=a n=1\nlevel=INFO msg=b n=1\nlevel=ERROR msg=c n=1\n"},
		{Logging{}, "level=INFO msg=b n=1\nlevel=ERROR msg=c n=1\n"},
	} {
		var out bytes.Buffer
		log := c.logging.Logger(&out, new(slog.LevelVar))
		log.Debug("a", "n", 1)
		log.Info("b", "n", 1)
		log.Error("c", "n", 1)
		var got strings.Builder
		for line := range strings.Lines(out.String()) { // without the time
			if _, rest, ok := strings.Cut(line, " level="); ok {
				line = "level=" + rest
			} else if i := strings.Index(line, `"level"`); i >= 0 {
				line = "{" + line[i:]
			}
			got.WriteString(line)
		}
		if got.String() != c.want {
			t.Errorf("%+v: %q, want %q", c.logging, got.String(), c.want)
		}
	}
}

// TestStopContext: the first signal asks for a stop in good order.
func TestStopContext(t *testing.T) {
	ctx, stop := StopContext(slog.New(slog.DiscardHandler))
	defer stop()
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	testutil.Receive(t, "the end of the context", afterEnd(ctx.Done()))
}

func TestStopContextCanBeForgotten(t *testing.T) {
	ctx, stop := StopContext(slog.New(slog.DiscardHandler))
	stop()
	if ctx.Err() == nil {
		t.Error("the context lives on")
	}
}

// afterEnd turns the closing of c into a value.
func afterEnd(c <-chan struct{}) <-chan bool {
	out := make(chan bool, 1)
	go func() {
		<-c
		out <- true
	}()
	return out
}
