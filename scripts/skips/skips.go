// Command skips fails if a test was skipped for a reason that is not on its short list: a CI that skips what it was
// meant to prove must not be green. Its argument is a log of `go test -json` (gotestsum --jsonfile).
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// allowed lists what a skip may say in CI, and why that is no loss.
var allowed = []struct{ phrase, because string }{
	{"make test-system runs it: it ",
		"CI runs make test-system after make test"},
	{"shared footage not present",
		"the long clips lie beside the repository, not in it; small clips made by the tests prove the same"},
	{"no V4L2 device here: make test-v4l2 runs this in a VM",
		"make test runs make test-v4l2 too, where every test that says this must run and pass"},
	{"no clean Debian 12 can be made here",
		"containers need root, namespaces and the apt of Debian 12; the units and the programs have tests of their own"},
	{"no network namespaces can be made here",
		"they need root; what the hub makes of a proxy on another host is tested by its addresses, too"},
	{"not asked to boot a virtual machine: make test-v4l2 does",
		"make test runs make test-v4l2 too, where every test that says this runs"},
	{"the nats command line tool is not on PATH",
		"building it takes minutes; the same subjects and answers are tested with Go and Python programs, and the two scripts are one command each"},
}

// skip is one skipped test and what it said.
type skip struct{ test, reason string }

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "skips:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("want one argument, a log of go test -json")
	}
	log, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer log.Close()
	skipped, err := read(log)
	if err != nil {
		return err
	}
	bad := 0
	for _, s := range skipped {
		if !isAllowed(s.reason) {
			fmt.Fprintf(out, "skipped in CI: %s: %s\n", s.test, s.reason)
			bad++
		}
	}
	if bad > 0 {
		return fmt.Errorf(
			"%d tests did not run: let scripts/install-test-deps.sh install what they need, or add the reason to scripts/skips with why it is no loss", bad)
	}
	return nil
}

// read collects the skipped tests of a log. Packages without tests are "skipped" too, and are no matter.
func read(log io.Reader) ([]skip, error) {
	var skipped []skip
	said := map[string][]string{}
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct{ Action, Package, Test, Output string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("not a log of go test -json: %w", err)
		}
		if e.Test == "" {
			continue
		}
		name := e.Package + "." + e.Test
		switch e.Action {
		case "output":
			if text := strings.TrimSpace(e.Output); text != "" && !strings.HasPrefix(text, "=== ") &&
				!strings.HasPrefix(text, "--- ") {
				said[name] = append(said[name], text)
			}
		case "skip":
			skipped = append(skipped, skip{name, strings.Join(said[name], " ")})
		case "pass", "fail":
			delete(said, name)
		}
	}
	return skipped, lines.Err()
}

func isAllowed(reason string) bool {
	for _, a := range allowed {
		if strings.Contains(reason, a.phrase) {
			return true
		}
	}
	return false
}
