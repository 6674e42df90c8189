package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// told is one finding as govulncheck prints it.
func told(id, module, pkg, mended string) string {
	return `{"finding": {"osv": "` + id + `", "fixed_version": "` + mended + `",
		"trace": [{"module": "` + module + `", "version": "v1.0.0", "package": "` + pkg + `"}]}}` + "\n"
}

func TestVulns(t *testing.T) {
	for _, tc := range []struct {
		name, found, source string
		fails               bool
		want                string // a part of what is printed
	}{
		{name: "nothing", found: `{"config": {}} {"osv": {"id": "GO-1"}}`},
		{name: "in a package that is not built in", found: told("GO-1", "example.com/m", "", "v1.1.0")},
		{
			name: "in a package that is", found: told("GO-1", "example.com/m", "example.com/m/p", "v1.1.0"),
			fails: true, want: "GO-1 in example.com/m v1.0.0: mended in v1.1.0",
		},
		{name: "no remedy", found: told("GO-1", "example.com/m", "example.com/m/p", ""), fails: true,
			want: "no version mends it"},
		{
			name: "Go itself", found: told("GO-1", goItself, "net/http", "v1.99.0"),
			fails: true, want: "mended in Go 1.99.0: raise the toolchain line",
		},
		{
			name: "Go itself, no remedy", found: told("GO-1", goItself, "net/http", ""),
			fails: true, want: "no release of Go mends it yet",
		},
		{
			name: "Go itself, a package that is not built in", found: told("GO-1", goItself, "", "v1.99.0"),
		},
		{
			name: "accepted, but mended", found: told("GO-2026-6875", echo, echo, "v4.99.0"),
			fails: true, want: "mended in v4.99.0",
		},
		{name: "accepted", found: told("GO-2026-6875", echo, echo, ""), source: "package p // middleware.Recover"},
		{name: "accepted, but used", found: told("GO-2026-6875", echo, echo, ""), source: "package p // middleware.Proxy",
			fails: true, want: "p.go has middleware.Proxy"},
		{name: "not its output", found: "No vulnerabilities found.", fails: true, want: "not what govulncheck prints"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			file := filepath.Join(root, "found.json")
			for name, text := range map[string]string{file: tc.found, filepath.Join(root, "p.go"): tc.source} {
				if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var out strings.Builder
			err := run([]string{file}, root, &out)
			if err != nil {
				out.WriteString(err.Error())
			}
			if (err != nil) != tc.fails || !strings.Contains(out.String(), tc.want) {
				t.Errorf("error %v, printed %q; want an error: %v, and %q", err, &out, tc.fails, tc.want)
			}
		})
	}
}

func TestAcceptedHaveReasonAndDate(t *testing.T) {
	for _, a := range accepted {
		if _, err := time.Parse(time.DateOnly, a.date); err != nil || a.reason == "" || len(a.unused) == 0 {
			t.Errorf("%s: reason %q, date %q, unused %q: all must be given", a.id, a.reason, a.date, a.unused)
		}
	}
}
