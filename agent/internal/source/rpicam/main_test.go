package rpicam

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if dir := os.Getenv(fakeRPiCamDir); dir != "" {
			_ = os.RemoveAll(dir) // in the system's temporary folder
		}
		os.Exit(code)
	}))
}
