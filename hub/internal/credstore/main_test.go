package credstore_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
)

// asVictim tells this test program, started by itself, to edit a credentials file and to be killed meanwhile.
const asVictim = "BRAMBLE_TEST_VICTIM"

// secrets are those of the tests, and what they log.
var secrets = credstoretest.NewSecretLog()

func TestMain(m *testing.M) {
	if os.Getenv(asVictim) != "" {
		victim()
	}
	secrets.VerifyMain(m)
}

// later lets time pass in a bubble, and what is due then happen.
func later(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
