package auth_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
)

// secrets are those of the tests, and what they log.
var secrets = credstoretest.NewSecretLog()

// asVictim tells this test program, started by itself, to log out sessions of a credentials file until it is killed.
const asVictim = "BRAMBLE_TEST_VICTIM"

func TestMain(m *testing.M) {
	if file := os.Getenv(asVictim); file != "" {
		logoutVictim(file)
	}
	secrets.VerifyMain(m)
}

// later lets time pass in a bubble, and what is due then happen.
func later(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

const home, abroad = "192.0.2.1", "203.0.113.7"

// newAuthenticator returns an Authenticator without logged-out sessions.
func newAuthenticator(store *credstore.Store) *auth.Authenticator {
	return auth.New(store, endedsessions.Open("", secrets.Logger()), secrets.Logger())
}
