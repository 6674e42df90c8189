// Package configtest generates the reference page and the example file of a program's settings and holds both equal to
// the program. Tests of the commands use it.
package configtest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/internal/config"
	"github.com/bramble-cam/bramble/internal/reference"
)

// Program is one command.
type Program struct {
	Name    string     // names its part of docs/ref/config.md
	Root    string     // path of the repository, relative to the test's folder
	Example string     // its example file, relative to Root
	Sources []string   // Go files with the structs of its flags; a field's comment holds details of the setting
	New     func() any // a pointer to a new struct of its flags
}

// Check compares the reference page and the example file with the program. `make reference` writes them.
func (p Program) Check(t *testing.T) {
	details := fieldComments(t, p.Sources...)
	t.Run("reference", func(t *testing.T) {
		reference.Check(t, filepath.Join(p.Root, "docs/ref/config.md"), p.Name, p.list(t, details))
	})
	t.Run("example", func(t *testing.T) {
		reference.Check(t, filepath.Join(p.Root, p.Example), "", p.example(t, details))
		p.checkExample(t)
	})
}

// parse returns what the program makes of a command line. The name of the configuration file is left out: it is no
// setting.
func (p Program) parse(t *testing.T, args ...string) string {
	t.Helper()
	flags := p.New()
	parser, err := kong.New(flags, config.Options(p.Name, "", "")...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range p.flags(t, parser) {
		fmt.Fprintf(&b, "%s=%v ", f.Name, f.Target.Interface())
	}
	return b.String()
}

// flags returns the flags that are settings.
func (p Program) flags(t *testing.T, parser *kong.Kong) (list []*kong.Flag) {
	t.Helper()
	if parser == nil {
		var err error
		if parser, err = kong.New(p.New(), config.Options(p.Name, "", "")...); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range parser.Model.Flags {
		if !slices.Contains([]string{"help", "version", "config"}, f.Name) {
			list = append(list, f)
		}
	}
	return list
}

// checkExample reads the example file as it is, and again with every key in force: both must be the defaults.
func (p Program) checkExample(t *testing.T) {
	example := filepath.Join(p.Root, p.Example)
	want := p.parse(t)
	if got := p.parse(t, "--config="+example); got != want {
		t.Errorf("the example gives %s\nwant %s", got, want)
	}
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`(?m)^#([a-z-]+):( |$)`)
	inForce := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(inForce, key.ReplaceAll(text, []byte("$1:$2")), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := p.parse(t, "--config="+inForce); got != want {
		t.Errorf("with every key in force the example gives %s\nwant %s", got, want)
	}
	var keys, names []string
	for _, m := range key.FindAllStringSubmatch(string(text), -1) {
		keys = append(keys, m[1])
	}
	for _, f := range p.flags(t, nil) {
		names = append(names, f.Name)
	}
	slices.Sort(keys)
	slices.Sort(names)
	if !slices.Equal(keys, names) {
		t.Errorf("the example has %v, the program %v", keys, names)
	}
}
