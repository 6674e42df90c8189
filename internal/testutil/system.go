package testutil

import (
	"os"
	"testing"
)

// systemEnv is set by `make test-system`.
const systemEnv = "BRAMBLE_TEST_SYSTEM"

// System skips a test that `make test` leaves to `make test-system`: one that takes long, or that needs root, a virtual
// machine, containers, cross compilers or players. reason completes "this test ...", for example "needs VLC".
func System(tb testing.TB, reason string) {
	tb.Helper()
	if os.Getenv(systemEnv) == "" {
		tb.Skip("make test-system runs it: it " + reason)
	}
}
