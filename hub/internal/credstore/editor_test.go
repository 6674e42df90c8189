package credstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"

	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
)

func TestFile(t *testing.T) {
	c := credstoretest.New(t, secrets)
	info, err := os.Stat(c.Path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	dir, err := os.Stat(filepath.Dir(c.Path))
	if err != nil || dir.Mode().Perm() != 0o700 {
		t.Errorf("mode of the directory %v, %v", dir.Mode(), err)
	}
	text, err := os.ReadFile(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	if what := secrets.Find(string(text)); what != "" {
		t.Errorf("a %s is in the file", what)
	}
	for name, test := range map[string]struct {
		change func(file string) error
		says   []string
	}{
		"group": {func(f string) error { return os.Chmod(f, 0o640) }, []string{"0640", "chmod 600"}},
		"world": {func(f string) error { return os.Chmod(f, 0o604) }, []string{"0604", "chmod 600"}},
		"large": {func(f string) error { return os.Truncate(f, credstore.MaxFile+1) }, []string{"more than"}},
		"holes": {func(f string) error { return os.Truncate(f, credstore.MaxFile) }, []string{"restore it"}},
		"empty": {func(f string) error { return os.Truncate(f, 0) }, []string{"JSON", "restore it", "user add"}},
		"dir":   {func(f string) error { return errors.Join(os.Remove(f), os.Mkdir(f, 0o700)) }, []string{"no file"}},
		"pipe":  {func(f string) error { return errors.Join(os.Remove(f), syscall.Mkfifo(f, 0o600)) }, []string{"no file"}},
	} {
		file := credstoretest.New(t, secrets).Path
		if err := test.change(file); err != nil {
			t.Fatal(err)
		}
		_, err := credstore.Load(file)
		edited := credstore.Edit(file, func(*credstore.File) error { return nil })
		_, kept := credstore.Open(file, secrets.Logger())
		for _, says := range append(test.says, file) {
			for _, err := range []error{err, edited, kept} {
				if err == nil || !strings.Contains(err.Error(), says) {
					t.Errorf("%s: %v, want %q", name, err, says)
				}
			}
		}
	}
}

// Who replaces the file replaces what a link points to.
func TestLinkedFile(t *testing.T) {
	c := credstoretest.New(t, secrets)
	link := filepath.Join(t.TempDir(), "credentials.json")
	if err := os.Symlink(c.Path, link); err != nil {
		t.Fatal(err)
	}
	credstoretest.Edit(t, link, func(d *credstore.File) error { return d.RemoveUser("otto") })
	if _, ok := credstoretest.Load(t, c.Path).User("otto"); ok {
		t.Error("the file itself was not changed")
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
}

// A file that root writes keeps its owner.
func TestOwner(t *testing.T) {
	c := credstoretest.New(t, secrets)
	uid, gid := os.Geteuid(), os.Getegid()
	if uid == 0 { // only root can give a file away
		uid, gid = 12345, 23456
	}
	if err := os.Chown(c.Path, uid, gid); err != nil {
		t.Fatal(err)
	}
	credstoretest.Edit(t, c.Path, func(d *credstore.File) error { return d.RemoveUser("otto") })
	info, err := os.Stat(c.Path)
	if err != nil {
		t.Fatal(err)
	}
	if s := info.Sys().(*syscall.Stat_t); int(s.Uid) != uid || int(s.Gid) != gid ||
		info.Mode() != 0o600 { //nolint:forcetypeassert // of os.Stat
		t.Errorf("it belongs to %d:%d, mode %v", s.Uid, s.Gid, info.Mode())
	}
}

// Two commands at once lose nothing.
func TestConcurrentEdits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if err := credstore.Edit(file, func(d *credstore.File) error {
				_, err := d.AddAgent("pi"+strconv.Itoa(i), []string{"cam" + strconv.Itoa(i)})
				return err
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(credstoretest.Load(t, file).Agents()); n != 20 {
		t.Errorf("%d agents: want 20", n)
	}
}
