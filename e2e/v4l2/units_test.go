package v4l2

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// noDevice is what a unit test says that needs a V4L2 device. scripts/test.sh allows it, because all of them run here.
const noDevice = "no V4L2 device here: make test-v4l2 runs this in a VM"

// unit is a package whose tests partly need V4L2 devices.
type unit struct{ name, dir string }

// TestUnits runs in the guest what those packages' tests skip for want of a device, and nothing may be skipped there.
func TestUnits(t *testing.T) {
	needVM(t)
	units := []unit{
		{"device", "../../agent/internal/source/v4l2/device"},
		{"v4l2", "../../agent/internal/source/v4l2"},
	}
	v := boot(t, binary("device.test"), binary("v4l2.test"))
	for _, u := range units {
		t.Run(u.name, func(t *testing.T) {
			began := time.Now()
			waiting := u.skipped(t)
			if len(waiting) == 0 {
				t.Fatalf("no test of %s waits for a device", u.dir)
			}
			out, err := v.try("./" + u.name + ".test -test.v -test.timeout 280s -test.run '^(" + strings.Join(waiting, "|") +
				")$'")
			if err != nil && !errors.Is(err, errExit) {
				t.Fatalf("%v: %s", err, out)
			}
			ran := 0
			for _, r := range results(t, out) {
				if slices.Contains(waiting, r.name) {
					ran++
				}
				t.Run(r.name, func(t *testing.T) {
					if r.action != "pass" {
						t.Errorf("%s in the virtual machine:\n%s", r.action, r.output)
					}
				})
			}
			if ran != len(waiting) || err != nil && !t.Failed() {
				t.Errorf("%d tests ran of %d that wait for a device: %v\n%s", ran, len(waiting), err, out)
			}
			progress(t, "%d tests of %s in the virtual machine: %v", ran, u.name, ms(time.Since(began)))
		})
	}
}

// skipped runs the package's tests here, and returns those that said noDevice.
func (u unit) skipped(t *testing.T) (names []string) {
	t.Helper()
	const longWithoutDevice = "^Fuzz"
	cmd := exec.CommandContext(t.Context(), binary(u.name+".test"), "-test.v", "-test.skip", longWithoutDevice)
	cmd.Dir = u.dir
	out, err := cmd.CombinedOutput()
	if err != nil && !errors.As(err, new(*exec.ExitError)) { // whether they pass here, others ask
		t.Fatal(err)
	}
	for _, r := range results(t, string(out)) {
		if r.action == "skip" && strings.Contains(r.output, noDevice) {
			top, _, _ := strings.Cut(r.name, "/")
			names = append(names, top)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// result is what became of one test.
type result struct{ name, action, output string }

// results reads what a test binary said with -test.v. A test that did not end has failed.
func results(t *testing.T, said string) (list []result) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "test2json")
	cmd.Stdin = strings.NewReader(said)
	events, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for line := range bytes.Lines(events) {
		var e struct{ Action, Test, Output string }
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("test2json: %v: %s", err, line)
		}
		if e.Test == "" {
			continue
		}
		i, known := at[e.Test]
		if !known {
			i = len(list)
			at[e.Test] = i
			list = append(list, result{name: e.Test, action: "unfinished"})
		}
		switch e.Action {
		case "output":
			list[i].output += e.Output
		case "pass", "fail", "skip":
			list[i].action = e.Action
		}
	}
	return list
}

func TestResults(t *testing.T) {
	got := results(t,
		"=== RUN   TestA\n=== RUN   TestA/one\n    a_test.go:1: no reason\n"+
			"--- PASS: TestA (0.10s)\n    --- SKIP: TestA/one (0.00s)\n"+
			"=== RUN   TestB\n    b_test.go:2: wrong\n--- FAIL: TestB (0.10s)\n=== RUN   TestC\npanic: end of the world\n")
	for i, want := range []result{
		{"TestA", "pass", "TestA"}, {"TestA/one", "skip", "no reason"}, {"TestB", "fail", "wrong"},
		{"TestC", "unfinished", "end of the world"},
	} {
		if i >= len(got) || got[i].name != want.name || got[i].action != want.action ||
			!strings.Contains(got[i].output, want.output) {
			t.Errorf("result %d of %q is not %q", i, got, want)
		}
	}
}
