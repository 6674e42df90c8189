package credstore_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/permission"
)

// victim edits a file as its environment says and, before the step named there, kills itself as kill -9 does. Without a
// step it lives on until it is killed.
func victim() {
	what, file, _ := strings.Cut(os.Getenv(asVictim), " ")
	step := os.Getenv(asVictim + "_STEP")
	change := func(name string) func(*credstore.File) error {
		if what == "agent" {
			return func(d *credstore.File) error { _, err := d.AddAgent(name, []string{name}); return err }
		}
		return func(d *credstore.File) error {
			// else the kill hits the hashing
			d.Users = append(d.Users, credstore.User{Name: name, Role: permission.Viewer, Cameras: []string{"*"},
				Hash: credstoretest.CheapHash(credstoretest.RightPassword), Enabled: true})
			return nil
		}
	}
	e := credstore.WithSteps(func(now string) {
		if now == step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
	for i := 0; step != "" && i == 0 || step == ""; i++ {
		if err := e.Edit(file, change(fmt.Sprintf("v%d-%d", os.Getpid(), i))); err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		fmt.Println("done") // a whole line is a change that counts
	}
	os.Exit(0)
}

// startVictim starts a victim; what it says comes from out.
func startVictim(t *testing.T, what, file, step string) (cmd *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(exe)
	cmd.Env = append(os.Environ(), asVictim+"="+what+" "+file, asVictim+"_STEP="+step)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(pipe)
}

func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

func entries(b *credstore.Snapshot) int { return len(b.Users()) + len(b.Agents()) }

// A kill before any step of the writing leaves the old file or the new one, and does not hinder the next edit.
func TestKillAtEachStep(t *testing.T) {
	steps := []string{}
	file := filepath.Join(t.TempDir(), "first.json")
	if err := credstore.WithSteps(func(name string) { steps = append(steps, name) }).Edit(file,
		func(*credstore.File) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if len(steps) < 8 {
		t.Fatalf("only %v", steps)
	}
	for what, begins := range map[string][]string{"user": {"some"}, "agent": {"none", "some"}} {
		for _, begin := range begins {
			for i, step := range steps {
				file := filepath.Join(t.TempDir(), "credentials.json")
				if begin == "some" {
					credstoretest.Edit(t, file,
						func(d *credstore.File) error { _, err := d.AddAgent("first", []string{"first"}); return err })
				}
				before := entries(credstoretest.Load(t, file))
				cmd, out := startVictim(t, what, file, step)
				said, err := io.ReadAll(out)
				if err != nil {
					t.Fatal(err)
				}
				if err := cmd.Wait(); !killed(err) {
					t.Fatalf("%s: %v, %s", step, err, said)
				}
				want := before
				if i > indexOf(steps, "rename") {
					want++
				}
				if after := credstoretest.Load(t, file); entries(after) != want {
					t.Errorf("%s add, %s before, killed before %q: %d entries, want %d", what, begin, step, entries(after), want)
				}
				credstoretest.Edit(t, file,
					func(d *credstore.File) error { _, err := d.AddAgent("next", []string{"next"}); return err })
				if after := credstoretest.Load(t, file); entries(after) != want+1 {
					t.Errorf("killed before %q: the next edit leaves %d entries, want %d", step, entries(after), want+1)
				}
			}
		}
	}
}

func indexOf(list []string, want string) int {
	for i, s := range list {
		if s == want {
			return i
		}
	}
	return -1
}

// A kill at any moment loses no change that was reported, and breaks nothing.
func TestKillAtAnyMoment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	reported := 0
	for round := range 24 {
		cmd, out := startVictim(t, []string{"user", "agent"}[round%2], file, "")
		for range round % 3 { // the kill comes while the first, the second or the third edit is under way, or a later one
			if line, err := out.ReadString('\n'); err != nil || line != "done\n" {
				t.Fatalf("%q, %v", line, err)
			}
			reported++
		}
		<-time.After(rand.N(20 * time.Millisecond))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); !killed(err) {
			t.Fatalf("%v, %s", err, rest)
		}
		reported += strings.Count(string(rest), "done\n")
		if n := entries(credstoretest.Load(t, file)); n < reported || n > reported+round+1 {
			t.Fatalf("round %d: %d entries, and %d were reported", round, n, reported)
		}
	}
	credstoretest.Edit(t, file, func(*credstore.File) error { return nil })
	left, err := filepath.Glob(file + "*")
	if err != nil || len(left) != 2 {
		t.Errorf("left are %v, %v: want the file and its lock", left, err)
	}
}
