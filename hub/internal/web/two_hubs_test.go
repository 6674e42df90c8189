package web

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestSessionAtAnotherHub: a session is valid at every hub that has the same credentials file.
func TestSessionAtAnotherHub(t *testing.T) {
	g := newAuthFixture(t)
	cookie := g.login("anna", annaPassword)
	keeper, err := credstore.Open(g.file, testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	h := newTestServer(t, stream.Config{})
	h.srv = New(Config{Registry: h.reg, Transcoder: h.tr, Outputs: outputs.All(), Connected: h.agents.Connected,
		Credentials: keeper, Auth: newAuth(keeper, g.file, testutil.Log(t)), Log: testutil.Log(t)})
	other := runFixture(t, h)
	if resp, _ := other.do(http.MethodGet, "/api/v1/me"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without the cookie: %s", resp.Status)
	}
	if resp, _ := other.do(http.MethodGet, "/api/v1/me", "Cookie", cookie); resp.StatusCode != http.StatusOK {
		t.Errorf("with the cookie of the first hub: %s", resp.Status)
	}
}

// newAuth returns an Authenticator for credentials, whose logged-out sessions are kept beside a file.
func newAuth(store *credstore.Store, file string, log *slog.Logger) *auth.Authenticator {
	return auth.New(store, endedsessions.Open(file, log), log)
}
