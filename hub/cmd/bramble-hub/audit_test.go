package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Changes that commands make are in the hub's audit log, with the operator who made them. "audit" shows them as a table
// or as in the file.
func TestAuditCommand(t *testing.T) {
	dir := t.TempDir()
	file, log := filepath.Join(dir, "credentials.json"), filepath.Join(dir, "audit.jsonl")
	t.Setenv("SUDO_USER", "otto")
	flag := "--audit-log=" + log
	do(t, file, testPassword, "user", "add", "anna", "--password-stdin", flag)
	do(t, file, "", "link", "porch", flag)
	link := do(t, file, "", "link", "garden", flag)
	_, signature, _ := strings.Cut(link, "link=")
	if text, err := os.ReadFile(log); err != nil || strings.Contains(string(text), strings.TrimSpace(signature)) ||
		strings.Contains(string(text), testPassword) {
		t.Errorf("a secret is in the file: %v", err)
	}
	for name, test := range map[string]struct {
		args []string
		want []string
		rows int
	}{
		"all": {nil, []string{"TIME", "EVENT", "USER", "CAMERA", "ADDRESS", "user.add", "link.add", "name=anna",
			"operator=otto (sudo)"}, 4}, "event": {[]string{"--event", "link"}, []string{"garden", "porch", "expires="}, 3},
		"camera":  {[]string{"--camera", "porch", "--since", "1h"}, []string{"porch"}, 2},
		"user":    {[]string{"--user", "anna"}, []string{"user.add"}, 2},
		"until":   {[]string{"--until", "1h"}, nil, 1},
		"a day":   {[]string{"--since", "2026-01-31"}, []string{"user.add"}, 4},
		"nothing": {[]string{"--event", "view"}, nil, 1},
	} {
		out, said, code := command(t, file, "", append([]string{"audit", flag}, test.args...)...)
		if code != 0 || strings.Count(out, "\n") != test.rows {
			t.Errorf("%s: exit code %d, %s, prints\n%s", name, code, said, out)
		}
		for _, want := range test.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s lacks %q:\n%s", name, want, out)
			}
		}
	}
	out, _, code := command(t, file, "", "audit", flag, "--json", "--event", "user.add")
	var event map[string]any
	if err := json.Unmarshal([]byte(out), &event); err != nil || code != 0 || event["name"] != "anna" ||
		event["event"] != "user.add" || event["operator"] != "otto (sudo)" {
		t.Errorf("%v: %s", err, out)
	}
	for says, args := range map[string][]string{
		"24h": {"--since", "yesterday"}, "2026-01-31": {"--until=-3h"},
		"--audit-log": {"--audit-log=" + filepath.Join(dir, "gone.jsonl")}, "no audit log is known": {"--audit-log=none"},
	} {
		if _, said, code := command(t, file, "", append([]string{"audit", flag}, args...)...); code != 1 ||
			!strings.Contains(said, says) {
			t.Errorf("%v: exit code %d, %q, want %q", args, code, said, says)
		}
	}
	t.Setenv("BRAMBLE_AUDIT_LOG", "")
	t.Setenv("STATE_DIRECTORY", "")
	if out, said, code := command(t, file, "", "audit"); code != 0 ||
		!strings.Contains(out, "user.add") { // the audit log is beside the credentials
		t.Errorf("exit code %d, %s, %s", code, out, said)
	}
}
