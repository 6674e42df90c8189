// Command vulns fails if a module that Bramble is built from has a known vulnerability, unless its list says why that one is no
// matter here. Its argument is what `govulncheck -scan package -format json` printed. Those of Go itself it tells, and passes:
// which Go builds is not decided in this repository.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const echo = "github.com/labstack/echo/v4"

// accepted lists vulnerabilities that stay, and why that is no matter as long as no Go file has one of the words in unused.
var accepted = []struct {
	id, because string
	unused      []string
}{
	{"GO-2026-6872", "of " + echo + ", no release mends it: Context.RealIP believes headers; hub/internal/httpapi decides itself whom it believes", []string{".RealIP(", "middleware.RateLimiter"}},
	{"GO-2026-6875", "of " + echo + ", no release mends it: its reverse proxy passes headers on", []string{"middleware.Proxy"}},
	{"GO-2026-6838", "of " + echo + " before 4.16.1: its reverse proxy keeps connections", []string{"middleware.Proxy"}},
	{"GO-2026-6839", "of " + echo + " before 4.16.1: its reverse proxy and WebSockets", []string{"middleware.Proxy"}},
	{"GO-2026-6840", "of " + echo + " before 4.16.1: BodyDump has no limit", []string{"middleware.BodyDump"}},
	{"GO-2026-6842", "of " + echo + " before 4.16.1: Decompress has no limit", []string{"middleware.Decompress"}},
}

// finding is one vulnerability of one module, in a package that is built in.
type finding struct{ id, module, version, mended string }

func main() {
	if err := run(os.Args[1:], ".", os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "vulns:", err)
		os.Exit(1)
	}
}

// run looks at the findings in the file args[0], for the source below root.
func run(args []string, root string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("want one argument, what govulncheck -scan package -format json printed")
	}
	file, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer file.Close()
	found, err := read(file)
	if err != nil {
		return err
	}
	bad := 0
	for _, f := range found {
		if f.module == "stdlib" {
			fmt.Fprintf(out, "vulns: %s in Go itself: build releases with Go %s or newer, not %s\n", f.id, strings.TrimPrefix(f.mended, "v"), strings.TrimPrefix(f.version, "v"))
			continue
		}
		why, err := objection(f, root)
		if err != nil {
			return err
		}
		if why != "" {
			bad++
			fmt.Fprintf(out, "vulns: https://pkg.go.dev/vuln/%s in %s %s: %s\n", f.id, f.module, f.version, why)
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d known vulnerabilities: go get a version that mends them, or say in scripts/vulns why they are no matter", bad)
	}
	return nil
}

// objection says why a finding cannot stay, or nothing if it can.
func objection(f finding, root string) (string, error) {
	for _, a := range accepted {
		if a.id != f.id {
			continue
		}
		where, err := uses(root, a.unused)
		if where == "" || err != nil {
			return "", err
		}
		return "accepted only as long as what it is in is not used, but " + where, nil
	}
	if f.mended == "" {
		return "no version mends it", nil
	}
	return "mended in " + f.mended, nil
}

// read collects the findings in packages; those in modules of which another package is built in are no matter.
func read(from io.Reader) ([]finding, error) {
	var found []finding
	for d := json.NewDecoder(from); ; {
		var message struct {
			Finding *struct {
				OSV          string `json:"osv"`
				FixedVersion string `json:"fixed_version"`
				Trace        []struct{ Module, Version, Package string }
			}
		}
		if err := d.Decode(&message); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, fmt.Errorf("not what govulncheck prints: %w", err)
		}
		f := message.Finding
		if f == nil || len(f.Trace) == 0 || f.Trace[0].Package == "" {
			continue
		}
		one := finding{f.OSV, f.Trace[0].Module, f.Trace[0].Version, f.FixedVersion}
		if !slices.Contains(found, one) {
			found = append(found, one)
		}
	}
}

// uses finds a Go file below root, but for this program's own, that has one of the words.
func uses(root string, words []string) (where string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || path == filepath.Join(root, "scripts", "vulns")) {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, word := range words {
			if strings.Contains(string(text), word) {
				where = path + " has " + word
				return filepath.SkipAll
			}
		}
		return nil
	})
	return where, err
}
