package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestGroupCommands(t *testing.T) {
	file := filepath.Join(t.TempDir(), "credentials.json")
	do(t, file, "", "group", "add", "greenhouse", "gh-*", "bench-1")
	do(t, file, testPassword+"\n", "user", "add", "anna",
		"--cameras", "porch=operator,lab-*=viewer,@greenhouse", "--password-stdin")
	if list := do(t, file, "", "user", "list"); !strings.Contains(list, "porch=operator,lab-*=viewer,@greenhouse") {
		t.Errorf("the list:\n%s", list)
	}
	do(t, file, "", "token", "add", "anna", "sensor", "--role", "viewer", "--cameras", "@greenhouse")
	narrowed := regexp.MustCompile(`(?m)^\w{8} +anna +sensor .* viewer +@greenhouse$`)
	if list := do(t, file, "", "token", "list"); !narrowed.MatchString(list) {
		t.Errorf("the list:\n%s", list)
	}
	do(t, file, "", "group", "set", "greenhouse", "gh-*")
	if list := do(t, file, "", "group", "list"); !regexp.MustCompile(`(?m)^greenhouse +gh-\*$`).MatchString(list) {
		t.Errorf("the list:\n%s", list)
	}
	list := do(t, file, "", "group", "list", "--json")
	if strings.Join(strings.Fields(list), "") != `{"groups":[{"name":"greenhouse","cameras":["gh-*"]}]}` {
		t.Errorf("the list: %s", list)
	}
	if _, said, code := command(t, file, "", "group", "remove", "greenhouse"); code == 0 ||
		!strings.Contains(said, "user anna, token ") {
		t.Errorf("exit code %d: %s", code, said)
	}
	do(t, file, "", "user", "remove", "anna")
	do(t, file, "", "group", "remove", "greenhouse")
	if list := do(t, file, "", "group", "list", "--json"); strings.Join(strings.Fields(list), "") != `{"groups":[]}` {
		t.Errorf("the list: %s", list)
	}
}
