package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestEdit: a setting comes where the reader looks for it, and nothing else changes.
func TestEdit(t *testing.T) {
	cameras := []string{"porch=exec:a 'b' # c", "door=pattern:"}
	for _, c := range []struct {
		name, text string
		set        []KeyValue
		want       string
	}{
		{"an empty file", "", []KeyValue{{"hub", "nats://a"}}, "hub: nats://a\n"},
		{"no newline at the end", "linger: 1s", []KeyValue{{"hub", "nats://a"}}, "linger: 1s\nhub: nats://a\n"},
		{"the commented default", "# URL\n#hub: nats://b\n\n# more\n#x: 1\n", []KeyValue{{"hub", "nats://a"}},
			"# URL\nhub: nats://a\n\n# more\n#x: 1\n"},
		{"a value", "hub: b\nlinger: 1s # why\n", []KeyValue{{"hub", "nats://a"}}, "hub: nats://a\nlinger: 1s # why\n"},
		{"a value before the commented one", "#hub: x\nhub: b\n", []KeyValue{{"hub", "a"}}, "#hub: x\nhub: a\n"},
		{"a key that another begins with", "hub-x: 1\n#hub: c\n", []KeyValue{{"hub", "a"}}, "hub-x: 1\nhub: a\n"},
		{"a list for a list", "camera:\n  - a\n\n  - b\nlinger: 1s\n", []KeyValue{{"camera", cameras}},
			"camera:\n    - 'porch=exec:a ''b'' # c'\n    - 'door=pattern:'\nlinger: 1s\n"},
		{"a list without indent", "camera:\n- a\n- b\n\n# note\nlinger: 1s\n", []KeyValue{{"camera", cameras[1:]}},
			"camera:\n    - 'door=pattern:'\n\n# note\nlinger: 1s\n"},
		{"twice", "#camera: []\n", []KeyValue{{"camera", cameras[1:]}, {"camera", cameras[1:]}},
			"camera:\n    - 'door=pattern:'\n"},
		{"others", "", []KeyValue{{"takeover", true}, {"viewers", 3}, {"origin", []string{}}},
			"takeover: true\nviewers: 3\norigin: []\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := SetKeys([]byte(c.text), c.set...)
			if err != nil || string(got) != c.want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, c.want)
			}
		})
	}
}

// TestEditRefuses: what it cannot change it leaves, and says what to write.
func TestEditRefuses(t *testing.T) {
	for _, text := range []string{"{hub: b}\n", "? hub\n: b\n", "hub: [\n", "'hub': b\n", "hub: &x b\nhost: *x\n"} {
		got, err := SetKeys([]byte(text), KeyValue{"hub", "nats://a"})
		if err == nil || !strings.Contains(err.Error(), "configuration file") {
			t.Errorf("%q became %q, %v", text, got, err)
		}
	}
}

// FuzzEdit: after an edit the file says what it said, but for the setting.
func FuzzEdit(f *testing.F) {
	f.Add("hub: b\n", "x")
	f.Add("camera:\n- a\n#hub: c", "a: b")
	f.Fuzz(func(t *testing.T, text, value string) {
		before := map[string]any{}
		if yaml.Unmarshal([]byte(text), &before) != nil {
			return
		}
		out, err := SetKeys([]byte(text), KeyValue{"hub", value})
		if err != nil {
			return
		}
		after := map[string]any{}
		if err := yaml.Unmarshal(out, &after); err != nil {
			t.Fatalf("%q: %v", out, err)
		}
		delete(before, "hub")
		delete(after, "hub")
		if len(before) != len(after) {
			t.Errorf("%q became %q", text, out)
		}
	})
}

// TestReplace keeps what was there, once, and the mode.
func TestWriteFileAtomic(t *testing.T) {
	name := filepath.Join(t.TempDir(), "agent.yaml")
	check := func(path, want string, mode os.FileMode) {
		t.Helper()
		data, err := os.ReadFile(path)
		info, _ := os.Stat(path)
		if err != nil || string(data) != want || info.Mode().Perm() != mode {
			t.Errorf("%s: %q, %v, %v", path, data, info, err)
		}
	}
	for _, text := range []string{"one", "one", "two", "two"} {
		if err := WriteFileAtomic(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		check(name, text, 0o600)
	}
	check(name+".bak", "one", 0o600)
	if entries, err := os.ReadDir(filepath.Dir(name)); err != nil || len(entries) != 2 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := WriteFileAtomic(filepath.Join(name, "x"), nil, 0o600); err == nil {
		t.Error("a file below a file")
	}
}
