package install

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// step is a command of the guide.
type step struct {
	section string // the heading above it
	host    string // where it is run: hub or pi
	command string
}

// guide returns the commands of the page, in their order: every line of every block of shell.
func guide(t *testing.T) (steps []step) {
	t.Helper()
	page, err := os.ReadFile("../../docs/guide/install.md")
	if err != nil {
		t.Fatal(err)
	}
	section, shell := "", false
	program := regexp.MustCompile(`bramble-(hub|agent)`)
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			shell = line == "```sh"
			if !shell && line != "```" {
				t.Errorf("a block of %q, whose lines this test does not know to run", line)
			}
		case strings.HasPrefix(line, "## "):
			section = strings.TrimPrefix(line, "## ")
		case shell && line != "":
			m := program.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("%q: is it for the hub or for the Pi?", line)
			}
			steps = append(steps, step{section, map[string]string{"hub": "hub", "agent": "pi"}[m[1]], line})
		}
	}
	return steps
}

// TestGuide: from nothing to the grid are at most five commands.
func TestGuide(t *testing.T) {
	steps := guide(t)
	first := 0
	for _, s := range steps {
		if s.section != "Later" {
			first++
		}
	}
	if first == 0 || first > 5 || len(steps) == first {
		t.Errorf("%d commands of %d lead to the grid", first, len(steps))
	}
}
