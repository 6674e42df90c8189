package testutil

import (
	"os"
	"testing"
)

// RunsSystem reports whether `make test-system` runs these tests, not `make test`.
func RunsSystem() bool { return os.Getenv("BRAMBLE_TEST_SYSTEM") != "" }

// System skips a test that `make test` leaves to `make test-system`: one that takes long, or that needs root, a virtual
// machine, containers, cross compilers or players. reason completes "it ...", for example "needs VLC".
func System(tb testing.TB, reason string) {
	tb.Helper()
	if !RunsSystem() {
		tb.Skip("make test-system runs it: it " + reason)
	}
}
