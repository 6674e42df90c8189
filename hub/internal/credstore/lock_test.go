package credstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
)

// A command reports a lock that another process keeps holding, names the process and gives up.
func TestLockHeld(t *testing.T) {
	c := credstoretest.New(t, secrets)
	f, err := os.OpenFile(c.Path+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // which unlocks it
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var told []string
		e := credstore.Editor{Waiting: func(text string) { told = append(told, fmt.Sprint(time.Now().Unix(), text)) }}
		begin := time.Now()
		err := e.Edit(c.Path, func(*credstore.File) error { t.Error("edited"); return nil })
		me := fmt.Sprintf("process %d (", os.Getpid())
		if err == nil || !strings.Contains(err.Error(), c.Path+".lock") || !strings.Contains(err.Error(), me) ||
			time.Since(begin) > 11*time.Second {
			t.Errorf("after %v: %v, want %q", time.Since(begin), err, me)
		}
		if len(told) != 1 || !strings.Contains(told[0], me) ||
			!strings.HasPrefix(told[0], fmt.Sprint(begin.Add(2*time.Second).Unix())) {
			t.Errorf("told %q", told)
		}
	})
	if err := unix.Flock(int(f.Fd()), unix.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	credstoretest.Edit(t, c.Path, func(*credstore.File) error { return nil })
}

// An attacker with write permission in the directory, such as a compromised service, cannot misuse other users' edits.
// These edits create, change or give away no file elsewhere.
func TestPlantedFiles(t *testing.T) {
	for name, plant := range map[string]func(dir, elsewhere string) error{
		"lock to what there is not": func(dir, elsewhere string) error {
			return os.Symlink(filepath.Join(elsewhere, "new"), filepath.Join(dir, "credentials.json.lock"))
		},
		"lock to what there is": func(dir, elsewhere string) error {
			return os.Symlink(filepath.Join(elsewhere, "old"), filepath.Join(dir, "credentials.json.lock"))
		},
		"lock is another name": func(dir, elsewhere string) error {
			return os.Link(filepath.Join(elsewhere, "old"), filepath.Join(dir, "credentials.json.lock"))
		},
		"lock is a pipe": func(dir, _ string) error {
			return syscall.Mkfifo(filepath.Join(dir, "credentials.json.lock"), 0o600)
		},
		"lock is a directory": func(dir, _ string) error {
			return os.Mkdir(filepath.Join(dir, "credentials.json.lock"), 0o700)
		},
		"new": func(dir, elsewhere string) error {
			return os.Symlink(filepath.Join(elsewhere, "old"), filepath.Join(dir, "credentials.json.new"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, elsewhere := t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(elsewhere, "old"), []byte("what there was"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := plant(dir, elsewhere); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "credentials.json")
			err := credstore.Edit(file,
				func(d *credstore.File) error { _, err := d.AddAgent("porch", []string{"porch"}); return err })
			if wrong := strings.HasPrefix(name, "lock"); wrong != (err != nil) ||
				err != nil && !strings.Contains(err.Error(), file+".lock") {
				t.Errorf("%v", err)
			}
			untouched(t, elsewhere)
		})
	}
}

// untouched checks that a directory has the file "old" as it was, and nothing else.
func untouched(t *testing.T, elsewhere string) {
	t.Helper()
	list, err := os.ReadDir(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(elsewhere, "old"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(elsewhere, "old"))
	owner := info.Sys().(*syscall.Stat_t) //nolint:forcetypeassert // of os.Stat
	if err != nil || len(list) != 1 || string(text) != "what there was" || int(owner.Uid) != os.Geteuid() ||
		info.Mode() != 0o600 {
		t.Errorf("elsewhere are %v, %q, of user %d, mode %v, %v", list, text, owner.Uid, info.Mode(), err)
	}
}

// Root does not follow a link of the service's user in that user's directory.
func TestLinkOfTheService(t *testing.T) {
	const service = 12345
	if os.Geteuid() != 0 {
		return // only root can create a link of another user; TestLinksOfOthers has the rest
	}
	dir, elsewhere := t.TempDir(), t.TempDir()
	link := filepath.Join(dir, "credentials.json")
	if err := os.Symlink(filepath.Join(elsewhere, "new"), link); err != nil {
		t.Fatal(err)
	}
	if err := os.Lchown(link, service, service); err != nil {
		t.Fatal(err)
	}
	err := credstore.Edit(link, func(*credstore.File) error { return nil })
	list, listed := os.ReadDir(elsewhere)
	if err == nil || !strings.Contains(err.Error(), "user 12345") || listed != nil || len(list) != 0 {
		t.Errorf("%v, elsewhere are %v", err, list)
	}
}

// A file that root creates in a directory of the service's user belongs to that user, who must be able to lock it.
func TestLockBelongsToTheService(t *testing.T) {
	service := os.Geteuid()
	if service == 0 { // only root can give a file away
		service = 12345
	}
	dir := t.TempDir()
	if err := os.Chown(dir, service, -1); err != nil {
		t.Fatal(err)
	}
	credstoretest.Edit(t, filepath.Join(dir, "credentials.json"), func(*credstore.File) error { return nil })
	for _, name := range []string{"credentials.json", "credentials.json.lock"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if st := info.Sys().(*syscall.Stat_t); int(st.Uid) != service { //nolint:forcetypeassert // of os.Stat
			t.Errorf("%s belongs to user %d", name, st.Uid)
		}
	}
}

// A cycle of links is an error.
func TestLinksInACircle(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("b", filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "a/credentials.json"} {
		if err := credstore.Edit(filepath.Join(dir, name), func(*credstore.File) error { return nil }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
