package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/shared/conf"
)

// parse returns what the program makes of a command line.
func parse(t *testing.T, args ...string) (c cli) {
	t.Helper()
	parser, err := kong.New(&c, conf.Options("bramble-hub", "", "")...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	c.Config = ""
	return c
}

// flags returns the flags that are settings.
func flags(t *testing.T) (list []*kong.Flag) {
	t.Helper()
	parser, err := kong.New(&cli{}, conf.Options("bramble-hub", "", "")...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range parser.Model.Flags {
		if !slices.Contains([]string{"help", "version", "config"}, f.Name) {
			list = append(list, f)
		}
	}
	return list
}

// TestReference compares the program's settings with docs/ref/config.md.
func TestReference(t *testing.T) {
	page, err := os.ReadFile("../../../docs/ref/config.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## bramble-hub\n")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := regexp.MustCompile("(?m)^\\| `--.*$").FindAllString(section, -1)
	for _, f := range flags(t) {
		value := f.Default
		if f.IsBool() {
			value = "false"
		}
		if value != "" {
			value = "`" + value + "` "
		}
		row := fmt.Sprintf("| `--%s` | `%s` | `%s` | %s| ", f.Name, strings.Join(f.Envs, " "), f.Name, value)
		i := slices.IndexFunc(documented, func(line string) bool { return strings.HasPrefix(line, row) })
		if i < 0 {
			t.Errorf("docs/ref/config.md has no row that begins with %s", row)
			continue
		}
		documented = slices.Delete(documented, i, i+1)
	}
	for _, row := range documented {
		t.Errorf("docs/ref/config.md has a row of no setting, or a second one: %s", row)
	}
}

// TestExample reads the example file as it is, and again with every key in force: both must be the defaults.
func TestExample(t *testing.T) {
	const example = "../../../deployments/config/hub.yaml"
	want := fmt.Sprintf("%+v", parse(t))
	if got := fmt.Sprintf("%+v", parse(t, "--config="+example)); got != want {
		t.Errorf("the example gives %s\nwant %s", got, want)
	}
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`(?m)^#([a-z-]+):( |$)`)
	inForce := filepath.Join(t.TempDir(), "hub.yaml")
	if err := os.WriteFile(inForce, key.ReplaceAll(text, []byte("$1:$2")), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%+v", parse(t, "--config="+inForce)); got != want {
		t.Errorf("with every key in force the example gives %s\nwant %s", got, want)
	}
	var keys, names []string
	for _, m := range key.FindAllStringSubmatch(string(text), -1) {
		keys = append(keys, m[1])
	}
	for _, f := range flags(t) {
		names = append(names, f.Name)
	}
	slices.Sort(keys)
	slices.Sort(names)
	if !slices.Equal(keys, names) {
		t.Errorf("the example has %v, the program %v", keys, names)
	}
}
