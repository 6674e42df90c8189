// Command vulns fails if Go itself or a module that Bramble is built from has a known vulnerability. A vulnerability
// that no version mends may stay, if the list below says why it does no harm. The argument is what `govulncheck -scan
// package -format json` printed.
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

const (
	echo     = "github.com/labstack/echo/v4"
	goItself = "stdlib" // how govulncheck calls the standard library
)

// acceptance says why a vulnerability that no version mends does no harm.
type acceptance struct {
	id     string
	reason string
	date   string   // of the decision
	unused []string // words that no Go file may have, or the reason no longer holds
}

// accepted lists the vulnerabilities that stay. As soon as a version mends one, the check fails.
var accepted = []acceptance{
	{
		id:     "GO-2026-6872",
		reason: "Context.RealIP of " + echo + " trusts headers; hub/internal/web decides which proxies it trusts",
		date:   "2026-11-30",
		unused: []string{".RealIP(", "middleware.RateLimiter"},
	},
	{
		id:     "GO-2026-6875",
		reason: "the reverse proxy of " + echo + " passes headers on; Bramble does not use it",
		date:   "2026-11-30",
		unused: []string{"middleware.Proxy"},
	},
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
		return fmt.Errorf("%d known vulnerabilities: build with a newer Go or module, "+
			"or, where no version mends one, say in scripts/vulns why it does no harm", bad)
	}
	return nil
}

// objection says why a finding cannot stay. It returns "" if it can.
func objection(f finding, root string) (string, error) {
	switch {
	case f.module == goItself:
		return goRemedy(f), nil
	case f.mended != "":
		return "mended in " + f.mended + ": go get " + f.module + "@" + f.mended, nil
	}
	for _, a := range accepted {
		if a.id != f.id {
			continue
		}
		where, err := uses(root, a.unused)
		if where == "" || err != nil {
			return "", err
		}
		return "accepted on " + a.date + " only as long as what it is in is not used, but " + where, nil
	}
	return "no version mends it", nil
}

func goRemedy(f finding) string {
	if f.mended == "" {
		return "no release of Go mends it yet"
	}
	return fmt.Sprintf("mended in Go %s: raise the toolchain line in go.mod, the image in deployments/docker/Dockerfile, "+
		"and build with GOTOOLCHAIN=auto", strings.TrimPrefix(f.mended, "v"))
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
