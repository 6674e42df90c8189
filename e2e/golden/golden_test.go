package golden

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files again")

// programs is the directory with the built programs.
var programs string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "bramble-golden-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // in the directory for temporary files
	out, err := exec.Command("go", "build", "-ldflags=-s -w -X main.version=1.2.3", "-o", dir+string(filepath.Separator),
		"github.com/bramble-cam/bramble/agent/cmd/bramble-agent",
		"github.com/bramble-cam/bramble/hub/cmd/bramble-hub").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v: %s\n", err, out)
		return 1
	}
	programs = dir
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// compare compares got with testdata/name, or writes that file with -update.
func compare(t *testing.T, name, got string) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := string(data)
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	line := 0
	for line < len(g) && line < len(w) && g[line] == w[line] {
		line++
	}
	t.Errorf(
		"%s:%d differs.\ngot:\n%s\nwant:\n%s\nIf that is meant: go test ./e2e/golden -update, and review the difference",
		name, line+1, excerpt(g, line), excerpt(w, line))
}

// excerpt returns a few lines around the line of that index.
func excerpt(lines []string, line int) string {
	from, to := max(0, line-4), min(len(lines), line+5)
	return strings.Join(lines[min(from, to):to], "\n")
}

// read returns a file of testdata.
func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// command runs a built program with no settings of this machine, and returns its standard output and its exit code.
func command(t *testing.T, stdin, program string, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(programs, program), args...)
	cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=/usr/bin:/bin"}
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if code = cmd.ProcessState.ExitCode(); code != 0 {
		return stdout.String() + stderr.String(), code
	}
	return stdout.String(), 0
}

// must is command for one that succeeds.
func must(t *testing.T, stdin, program string, args ...string) string {
	t.Helper()
	out, code := command(t, stdin, program, args...)
	if code != 0 {
		t.Fatalf("%s %s: exit code %d\n%s", program, strings.Join(args, " "), code, out)
	}
	return strings.TrimSpace(out)
}
