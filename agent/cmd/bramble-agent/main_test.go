package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/agent"
	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestWrongConfiguration: the exit code tells a supervisor that it is no use to try again, and the text tells what to
// do.
func TestWrongConfiguration(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		file string
		want []string
	}{
		{"no source", []string{"--camera=porch"}, "", []string{`camera "porch"`, "NAME=SOURCE"}},
		{"bad source", []string{"--camera=porch=webcam:"}, "",
			[]string{"camera porch", "exec, file, pattern, rpicam and v4l2"}},
		{"twice", []string{"--camera=porch=pattern:#size=160x120", "--camera=porch=pattern:#size=160x120"}, "",
			[]string{"camera porch is given twice"}},
		{"unknown flag", []string{"--cameras=x"}, "", []string{"unknown flag --cameras", "--help"}},
		{"unknown key", nil, "cameras: [x]\n", []string{`unknown key "cameras"`, "camera, "}},
		{"no linger", []string{"--linger=0s", "--camera=a=pattern:"}, "", []string{"--linger 0", "such as 10s"}},
		{"unknown command", []string{"device"}, "", []string{"unexpected argument device", "--help"}},
		{"flag of another command", []string{"--camera=porch=pattern:", "--json"}, "", []string{"unknown flag --json"}},
		{"argument", []string{"porch=pattern:"}, "", []string{"unexpected argument porch=pattern:", "--help"}},
		{"negative linger", []string{"--camera=porch=pattern:#size=160x120", "--linger=-1s"}, "", []string{"linger -1s"}},
		{"bad root", []string{"--camera=porch=pattern:#size=160x120", "--subject-root=a b"}, "",
			[]string{`subject root "a b"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.file != "" {
				path := filepath.Join(t.TempDir(), "agent.yaml")
				if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
					t.Fatal(err)
				}
				c.args = append(c.args, "--config="+path)
			}
			var said bytes.Buffer
			want := config.ExitConfig
			if strings.HasPrefix(c.want[0], "unexpected argument") {
				want = config.ExitUsage
			}
			if code := run(c.args, nil, io.Discard, &said); code != want {
				t.Errorf("exit code %d, want %d", code, want)
			}
			for _, part := range append(c.want, "bramble-agent: ") {
				if !strings.Contains(said.String(), part) {
					t.Errorf("said %q, want %q", said.String(), part)
				}
			}
		})
	}
}

// TestRun starts the program from a file, and stops it by a signal as a supervisor does.
func TestRun(t *testing.T) {
	url := testutil.StartNATS(t)
	path := filepath.Join(t.TempDir(), "agent.yaml")
	file := "hub: " + url + "\nlog-level: error\nhost: pi1\ncamera:\n  - 'porch=pattern:#size=160x120'\n"
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	nc := testutil.Connect(t, url)
	statuses, err := nc.SubscribeSync("cam.porch.status")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	ended := make(chan int, 1)
	var said bytes.Buffer
	go func() { ended <- run([]string{"--config", path}, nil, io.Discard, &said) }()
	for asked := false; ; asked = true {
		msg, err := statuses.NextMsg(testutil.Timeout)
		if err != nil {
			t.Fatal(err)
		}
		s, err := status.Decode(msg.Data)
		if err != nil || s.Host != "pi1" || s.Agent != version {
			t.Fatalf("%+v, %v", s, err)
		}
		if s.State == status.Stopped {
			break
		}
		if asked {
			continue
		}
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if code := testutil.Receive(t, "the end", ended); code != 0 || said.Len() > 0 {
		t.Errorf("exit code %d, said %q", code, said.String())
	}
}

// TestRefused: what cannot be waited out ends the program, with another exit code.
func TestRefused(t *testing.T) {
	url := testutil.StartNATS(t)
	nc := testutil.Connect(t, url)
	if _, err := nc.Subscribe("cam.porch.do.info", func(m *nats.Msg) { _ = m.Respond([]byte("hello")) }); err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	code := run([]string{"--hub", url, "--log-level=error", "--camera=porch=pattern:#size=160x120"}, nil,
		io.Discard, &said)
	if code != 1 || !strings.Contains(said.String(), "camera porch: something answers for it already") {
		t.Errorf("exit code %d, said %q", code, said.String())
	}
}

// TestCommands: without a command the agent serves, and its flags stand in front of a command or behind it.
func TestCommands(t *testing.T) {
	for _, c := range []struct {
		args    string
		command string
	}{
		{"", "serve"}, {"--hub=nats://a", "serve"}, {"serve --hub=nats://a", "serve"}, {"--hub=nats://a serve", "serve"},
		{"devices --hub=nats://a", "devices"}, {"--hub=nats://a devices --json", "devices"},
		{"--hub nats://a devices -v", "devices"},
	} {
		var got cli
		parser, err := kong.New(&got, config.Options("bramble-agent", description, version)...)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.Parse(strings.Fields(c.args))
		if err != nil {
			t.Fatalf("%q: %v", c.args, err)
		}
		hub := defaultHub
		if strings.Contains(c.args, "nats://a") {
			hub = "nats://a"
		}
		if parsed.Command() != c.command || got.Hub != hub {
			t.Errorf("%q: command %s, hub %s", c.args, parsed.Command(), got.Hub)
		}
	}
}

// TestDescription: the help names every kind of source that there is.
func TestDescription(t *testing.T) {
	_, err := agent.New(agent.Config{Hub: defaultHub, Cameras: []agent.Camera{{Name: "a", Source: "none:"}}})
	if err == nil {
		t.Fatal("no error")
	}
	_, kinds, _ := strings.Cut(err.Error(), "known are ")
	for _, kind := range strings.FieldsFunc(strings.ReplaceAll(kinds, " and ", ","),
		func(r rune) bool { return r == ',' || r == ' ' }) {
		if !strings.Contains(description, "\n  "+kind+":") {
			t.Errorf("the help does not explain %s:", kind)
		}
	}
	if kinds == "" {
		t.Errorf("no kinds in %v", err)
	}
}
