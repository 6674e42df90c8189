package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// line is one event of `go test -json`.
func line(action, test, output string) string {
	return `{"Action":"` + action + `","Package":"p","Test":"` + test + `","Output":"` + output + `"}` + "\n"
}

func TestSkips(t *testing.T) {
	for _, tc := range []struct {
		name, log, want string // want: a part of the error or of the report; "" = all is well
	}{
		{"nothing", "", ""},
		{"a package without tests", line("skip", "", ""), ""},
		{"passed", line("output", "A", "hello") + line("pass", "A", ""), ""},
		{"allowed", line("output", "A", "=== RUN A") + line("output", "A", "a_test.go:1: shared footage not present") +
			line("skip", "A", ""), ""},
		{"not allowed", line("output", "A", "    a_test.go:1: no ffmpeg") + line("skip", "A", ""),
			"p.A: a_test.go:1: no ffmpeg"},
		{"silent", line("output", "A", "--- SKIP: A") + line("skip", "A", ""), "1 tests did not run"},
		{"another's reason", line("output", "B", "shared footage not present") + line("skip", "A", ""), "p.A: "},
		{"no log", "ok p 0.1s\n", "not a log"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "log")
			if err := os.WriteFile(file, []byte(tc.log), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			got := ""
			if err := run([]string{file}, &out); err != nil {
				got = out.String() + err.Error()
			}
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
