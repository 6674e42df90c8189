package access

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestFile(t *testing.T) {
	c := newCast(t)
	info, err := os.Stat(c.file)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	dir, err := os.Stat(filepath.Dir(c.file))
	if err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("mode of the directory %v, %v", dir.Mode(), err)
	}
	text, err := os.ReadFile(c.file)
	if err != nil {
		t.Fatal(err)
	}
	for hidden, what := range ledger.secrets {
		if strings.Contains(string(text), hidden) {
			t.Errorf("a %s is in the file", what)
		}
	}
	for name, test := range map[string]struct {
		change func(file string) error
		says   []string
	}{
		"group": {func(f string) error { return os.Chmod(f, 0o640) }, []string{"0640", "chmod 600"}},
		"world": {func(f string) error { return os.Chmod(f, 0o604) }, []string{"0604", "chmod 600"}},
		"large": {func(f string) error { return os.Truncate(f, maxFile+1) }, []string{"more than"}},
		"holes": {func(f string) error { return os.Truncate(f, maxFile) }, []string{"restore it"}},
		"empty": {func(f string) error { return os.Truncate(f, 0) }, []string{"JSON", "restore it", "user add"}},
		"dir":   {func(f string) error { return errors.Join(os.Remove(f), os.Mkdir(f, 0o700)) }, []string{"no file"}},
		"pipe":  {func(f string) error { return errors.Join(os.Remove(f), syscall.Mkfifo(f, 0o600)) }, []string{"no file"}},
	} {
		file := newCast(t).file
		if err := test.change(file); err != nil {
			t.Fatal(err)
		}
		_, err := Load(file)
		edited := Edit(file, func(*File) error { return nil })
		_, kept := OpenStore(file, testLog())
		for _, says := range append(test.says, file) {
			for _, err := range []error{err, edited, kept} {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("%s: %v, want %q", name, err, says)
				}
			}
		}
	}
}

func TestDefaultFile(t *testing.T) {
	t.Setenv("STATE_DIRECTORY", "/one/bramble:/two")
	if f, err := DefaultFile(); err != nil || f != "/one/bramble/credentials.json" {
		t.Errorf("%s, %v", f, err)
	}
	t.Setenv("STATE_DIRECTORY", "")
	t.Setenv("XDG_STATE_HOME", "/xdg")
	want := "/xdg/bramble/credentials.json"
	if os.Geteuid() == 0 {
		want = "/var/lib/bramble/credentials.json"
	}
	if f, err := DefaultFile(); err != nil || f != want {
		t.Errorf("%s, %v", f, err)
	}
}

// Who replaces the file replaces what a link points to.
func TestLinkedFile(t *testing.T) {
	c := newCast(t)
	link := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.Symlink(c.file, link); err != nil {
		t.Fatal(err)
	}
	edit(t, link, func(d *File) error { return d.RemoveUser("otto") })
	if _, ok := load(t, c.file).users["otto"]; ok {
		t.Error("the file itself was not changed")
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
}

// What root writes belongs to whom the file belonged.
func TestOwner(t *testing.T) {
	c := newCast(t)
	uid, gid := os.Geteuid(), os.Getegid()
	if uid == 0 { // nobody else can give a file away
		uid, gid = 12345, 23456
	}
	if err := os.Chown(c.file, uid, gid); err != nil {
		t.Fatal(err)
	}
	edit(t, c.file, func(d *File) error { return d.RemoveUser("otto") })
	info, err := os.Stat(c.file)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); int(s.Uid) != uid || int(s.Gid) != gid || info.Mode() != 0o600 { //nolint:forcetypeassert // of os.Stat
		t.Errorf("it belongs to %d:%d, mode %v", s.Uid, s.Gid, info.Mode())
	}
}

// Two commands at once lose nothing.
func TestConcurrentEdits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if err := Edit(file, func(d *File) error {
				_, err := d.AddAgent("pi"+strconv.Itoa(i), []string{"cam" + strconv.Itoa(i)})
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(load(t, file).Agents()); n != 20 {
		t.Errorf("%d agents: want 20", n)
	}
}

// victim edits a file as its environment says and, before the step named there, kills itself as kill -9 does. Without a step it lives on until it is killed.
func victim() {
	what, file, _ := strings.Cut(os.Getenv(asVictim), " ")
	step := os.Getenv(asVictim + "_STEP")
	if what == "logout" {
		logoutVictim(file)
	}
	change := func(name string) func(*File) error {
		if what == "agent" {
			return func(d *File) error { _, err := d.AddAgent(name, []string{name}); return err }
		}
		return func(d *File) error {
			d.Users = append(d.Users, User{Name: name, Role: Viewer, Cameras: []string{"*"}, Hash: cheapHash(rightPassword), Enabled: true}) // else the kill hits the hashing
			return nil
		}
	}
	e := Editor{step: func(now string) {
		if now == step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}}
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

func entries(b *Snapshot) int { return len(b.Users()) + len(b.Agents()) }

// A kill before any step of the writing leaves the old file or the new one, and does not hinder the next edit.
func TestKillAtEachStep(t *testing.T) {
	steps := []string{}
	file := filepath.Join(t.TempDir(), "first.json")
	if err := (Editor{step: func(name string) { steps = append(steps, name) }}).Edit(file,
		func(*File) error { return nil }); err != nil {
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
					edit(t, file, func(d *File) error { _, err := d.AddAgent("first", []string{"first"}); return err })
				}
				before := entries(load(t, file))
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
				if after := load(t, file); entries(after) != want {
					t.Errorf("%s add, %s before, killed before %q: %d entries, want %d", what, begin, step, entries(after), want)
				}
				edit(t, file, func(d *File) error { _, err := d.AddAgent("next", []string{"next"}); return err })
				if after := load(t, file); entries(after) != want+1 {
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
		if n := entries(load(t, file)); n < reported || n > reported+round+1 {
			t.Fatalf("round %d: %d entries, and %d were reported", round, n, reported)
		}
	}
	edit(t, file, func(*File) error { return nil })
	left, err := filepath.Glob(file + "*")
	if err != nil || len(left) != 2 {
		t.Errorf("left are %v, %v: want the file and its lock", left, err)
	}
}
