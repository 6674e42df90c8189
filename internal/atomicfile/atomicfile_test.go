package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/bramble-cam/bramble/internal/atomicfile"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "settings.yaml")
	for _, step := range []struct {
		data string
		o    atomicfile.Options
		mode fs.FileMode
	}{
		{"one", atomicfile.Options{}, 0o600},
		{"two", atomicfile.Options{Mode: 0o644, SyncDir: true}, 0o644},
		{"", atomicfile.Options{Mode: 0o600}, 0o600},
	} {
		if err := atomicfile.Write(name, []byte(step.data), step.o); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(name)
		info, statErr := os.Stat(name)
		if err != nil || statErr != nil || string(got) != step.data || info.Mode().Perm() != step.mode {
			t.Errorf("read %q with mode %v, want %q with %v; %v, %v", got, info.Mode(), step.data, step.mode, err, statErr)
		}
	}
	expectOnly(t, dir, "settings.yaml")
}

// TestFailureKeepsTheOldFile: the old content stays, and no temporary file does.
func TestFailureKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "settings.yaml")
	if err := os.WriteFile(name, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := errors.New("no owner")
	err := atomicfile.Write(name, []byte("new"), atomicfile.Options{Prepare: func(f *os.File) error {
		if info, err := f.Stat(); err != nil || info.Size() != 0 || info.Mode().Perm() != 0o600 {
			t.Errorf("the new file before writing: %v, %v", info, err)
		}
		return want
	}})
	if !errors.Is(err, want) {
		t.Errorf("error %v", err)
	}
	if got, err := os.ReadFile(name); err != nil || string(got) != "old" {
		t.Errorf("read %q, %v", got, err)
	}
	expectOnly(t, dir, "settings.yaml")

	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Write(filepath.Join(dir, "folder"), nil, atomicfile.Options{}); err == nil {
		t.Error("a folder was replaced")
	}
	if err := atomicfile.Write(filepath.Join(dir, "none", "x"), nil, atomicfile.Options{}); !errors.Is(err,
		fs.ErrNotExist) {
		t.Errorf("no such folder: %v", err)
	}
	expectOnly(t, dir, "folder", "settings.yaml")
}

func expectOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(names) {
		t.Fatalf("%v in the folder, want %v; %v", entries, names, err)
	}
	for i, e := range entries {
		if e.Name() != names[i] {
			t.Errorf("%v in the folder, want %v", entries, names)
		}
	}
}
