// Package reference compares the generated parts of the documentation with the program. Only tests use it. What a page
// says is made by the package that knows the facts.
package reference

import (
	"os"
	"strings"
	"testing"
)

// updateReference is the environment variable with which Check writes files. `make reference` sets it.
const updateReference = "BRAMBLE_UPDATE_REFERENCE"

// Check compares a part of a file with the text that the program generates for it. The part stands between the lines
// "<!-- begin generated NAME -->" and "<!-- end generated NAME -->". Without a name it is the whole file.
// `make reference` writes the parts that differ.
func Check(tb testing.TB, path, name, want string) {
	tb.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	before, got, after := "", string(file), ""
	if name != "" {
		begin, end := "<!-- begin generated "+name+" -->\n", "<!-- end generated "+name+" -->\n"
		var rest string
		var begins, ends bool
		before, rest, begins = strings.Cut(got, begin)
		got, after, ends = strings.Cut(rest, end)
		if !begins || !ends {
			tb.Fatalf("%s lacks the lines %q and %q", path, begin, end)
		}
		before, after = before+begin, end+after
	}
	if got == want {
		return
	}
	if os.Getenv(updateReference) == "" {
		tb.Errorf("%s differs from the program; run `make reference`. First difference:\n%s", path,
			firstDifference(got, want))
		return
	}
	if err := os.WriteFile(path, []byte(before+want+after), 0o644); err != nil { //nolint:gosec // a page for everyone
		tb.Fatal(err)
	}
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		a, b := "(end)", "(end)"
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return "- " + a + "\n+ " + b
		}
	}
	return ""
}
