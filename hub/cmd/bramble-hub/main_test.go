package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// asProgram tells this test program, started by itself, to be the hub.
const asProgram = "BRAMBLE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	// This host's own credentials have no say here.
	state := filepath.Join(os.TempDir(), "bramble-without-credentials-"+strconv.Itoa(os.Getuid()))
	if err := os.Setenv("STATE_DIRECTORY", state); err != nil {
		panic(err)
	}
	if err := os.Setenv("BRAMBLE_AUDIT_LOG", noAuditLog); err != nil { // there is no state directory either
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// program runs the hub as a process that ends by itself, in a directory of its own.
func program(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &said, t.TempDir()
	cmd.Env = append(os.Environ(), append(env, asProgram+"=1")...)
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), said.String(), cmd.ProcessState.ExitCode()
}

// Asked what it is, the program says so and nothing else.
func TestAsked(t *testing.T) {
	for _, test := range []struct {
		args []string
		says []string
	}{
		{[]string{"--version"}, []string{"bramble-hub " + version + "\n"}},
		{[]string{"demo", "--version"}, []string{"bramble-hub " + version + "\n"}},
		{[]string{"--help"}, []string{"Usage: bramble-hub", "demo", "--nats-url", "$BRAMBLE_NATS_URL", "--insecure",
			"--config"}},
		{[]string{"demo", "--help"}, []string{"Usage: bramble-hub demo", "four synthetic cameras"}},
	} {
		stdout, stderr, code := program(t, nil, test.args...)
		if code != 0 || stderr != "" {
			t.Errorf("%v: exit code %d, stderr %q", test.args, code, stderr)
		}
		for _, part := range test.says {
			if !strings.Contains(stdout, part) {
				t.Errorf("%v says %q, which lacks %q", test.args, stdout, part)
			}
		}
	}
}

// A wrong configuration has an exit code of its own, and the text says what to do. Nothing is started.
func TestWrongConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		file string
		says []string
	}{
		"unknown flag":       {[]string{"--htpp=x"}, "", []string{"unknown flag --htpp", "--http", "bramble-hub --help"}},
		"no transcodes":      {[]string{"--max-transcodes=0"}, "", []string{"--max-transcodes", "auto"}},
		"zero in the file":   {nil, "max-transcodes: 0\n", []string{"--max-transcodes", "auto"}},
		"no linger":          {[]string{"--linger=0s"}, "", []string{"--linger 0", "such as 10s"}},
		"no write timeout":   {nil, "write-timeout: 0s\n", []string{"--write-timeout 0", "such as 10s"}},
		"no cameras":         {nil, "max-cameras: 0\n", []string{"--max-cameras 0", "such as 4096"}},
		"no camera an agent": {[]string{"--max-cameras-per-agent=0"}, "", []string{"--max-cameras-per-agent 0"}},
		"no value":           {[]string{"--linger=soon"}, "", []string{"--linger", "soon"}},
		"unknown level":      {[]string{"--log-level=loud"}, "", []string{"--log-level", `"debug","info","warn","error"`}},
		"wide HTTP":          {[]string{"--http=0.0.0.0:0"}, "", []string{"--http 0.0.0.0:0", "--insecure"}},
		"wide NATS":          {[]string{"--nats=0.0.0.0:0"}, "", []string{"--nats 0.0.0.0:0", "--insecure"}},
		"wide demo":          {[]string{"demo", "--http=0.0.0.0:0"}, "", []string{"--http 0.0.0.0:0", "--insecure"}},
		"no such file":       {[]string{"--config=none.yaml"}, "", []string{"none.yaml"}},
		"no NATS file":       {[]string{"--nats-config=none.conf"}, "", []string{"--nats-config", "none.conf"}},
		"two NATS": {[]string{"--nats-url=nats://example.com", "--nats-config=main_test.go"}, "",
			[]string{"--nats-url", "--nats-config"}}, "subject root": {[]string{"--subject-root=a b"}, "", []string{`"a b"`}},
		"negative time":      {[]string{"--write-timeout=-1s"}, "", []string{"--write-timeout -1s"}},
		"unknown key":        {nil, "htpp: 127.0.0.1:0\n", []string{`unknown key "htpp"`, "known are", "nats-url"}},
		"key there twice":    {nil, "http: 127.0.0.1:0\nhttp: 127.0.0.1:0\n", []string{`"http" already defined`}},
		"no YAML":            {nil, "http = 127.0.0.1:0\n", []string{"configuration file"}},
		"a list":             {nil, "- http\n", []string{"configuration file"}},
		"time without unit":  {nil, "linger: 10\n", []string{"linger", "10s"}},
		"wide HTTP in file":  {nil, "http: 0.0.0.0:0\n", []string{"--http 0.0.0.0:0", "--insecure"}},
		"no level in file":   {nil, "log-level: loud\n", []string{"--log-level"}},
		"no boolean in file": {nil, "insecure: 3\n", []string{"--insecure"}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.file != "" {
				path := filepath.Join(t.TempDir(), "hub.yaml")
				if err := os.WriteFile(path, []byte(test.file), 0o600); err != nil {
					t.Fatal(err)
				}
				test.args = append(test.args, "--config="+path)
			}
			var stderr bytes.Buffer
			if code := run(test.args, nil, io.Discard, &stderr); code != config.ExitConfig {
				t.Errorf("exit code %d, want %d", code, config.ExitConfig)
			}
			for _, part := range append(test.says, "bramble-hub: ") {
				if !strings.Contains(stderr.String(), part) {
					t.Errorf("%q does not say %q", stderr.String(), part)
				}
			}
		})
	}
}

// A command that does not exist is answered with those that there are.
func TestUnknownCommand(t *testing.T) {
	for line, lists := range map[string]string{"demonstrate": "  demo ", "user demonstrate": "  passwd ",
		"user": "  passwd "} {
		var stderr bytes.Buffer
		if code := run(strings.Fields(line), nil, io.Discard, &stderr); code != config.ExitUsage {
			t.Errorf("%s: exit code %d, want %d", line, code, config.ExitUsage)
		}
		if !strings.Contains(stderr.String(), lists) {
			t.Errorf("%s: %q does not list %q", line, stderr.String(), lists)
		}
	}
}

// A flag wins over the environment, that over the file, that over the default.
func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hub.yaml")
	if err := os.WriteFile(file,
		[]byte("linger: 3s\nwrite-timeout: 3s\nsubject-root: from-file\ninsecure: true\nnats-url:\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BRAMBLE_CONFIG", file)
	t.Setenv("BRAMBLE_LINGER", "2s")
	t.Setenv("BRAMBLE_WRITE_TIMEOUT", "2s")
	t.Setenv("BRAMBLE_VERSION", "1.2.3") // of another program: no setting
	got := parse(t, "--linger=1s").settings
	want := parse(t, "--config="+os.DevNull).settings
	want.Linger, want.WriteTimeout, want.SubjectRoot, want.Insecure = 1e9, 2e9, "from-file", true
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// An address that is taken is told with the flag that helps. Trying again may help, too.
func TestAddressTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // nothing depends on it
	for flag, args := range map[string][]string{
		"--http": {"--http=" + l.Addr().String(), "--nats=127.0.0.1:0"},
		"--nats": {"--http=127.0.0.1:0", "--nats=" + l.Addr().String()},
	} {
		for _, command := range []string{"serve", "demo"} {
			var stderr bytes.Buffer
			if code := run(append(args, command), nil, io.Discard, &stderr); code != 1 ||
				!strings.Contains(stderr.String(), "bramble-hub: ") || !strings.Contains(stderr.String(), flag) {
				t.Errorf("%s %v: exit code %d, %q", command, args, code, stderr.String())
			}
		}
	}
}

// A signal stops the program in good order.
func TestSignal(t *testing.T) {
	said := &spoken{ready: make(chan struct{})}
	code := make(chan int, 1)
	go func() { code <- run([]string{"--http=127.0.0.1:0", "--nats=127.0.0.1:0"}, nil, io.Discard, said) }()
	testutil.Receive(t, "the hub is ready", said.ready)
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := testutil.Receive(t, "the exit code", code); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// spoken is a log: it sends once, when the hub says that it is ready.
type spoken struct {
	ready chan struct{}
	said  bool // the hub is the only one to write, one line at a time
}

func (s *spoken) Write(line []byte) (int, error) {
	if !s.said && bytes.Contains(line, []byte("hub ready")) {
		s.said = true
		go func() { s.ready <- struct{}{} }() // received by the test
	}
	return len(line), nil
}

// The clips that are in the program stay small.
func TestClips(t *testing.T) {
	total, count := int64(0), 0
	err := fs.WalkDir(clips, ".", func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		total, count = total+info.Size(), count+1
		return err
	})
	if err != nil || total > 400_000 || count != 2 {
		t.Errorf("%d clips of %d bytes together, %v; at most 400 kB are allowed", count, total, err)
	}
}

// parse returns what the program makes of a command line.
func parse(t *testing.T, args ...string) (c cli) {
	t.Helper()
	parser, err := kong.New(&c, config.Options("bramble-hub", "", "")...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c
}
