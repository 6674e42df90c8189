package oidc

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

const (
	clientID     = "bramble"
	clientSecret = "a secret of hub and provider"
	password     = "verysecure" // of both users of the provider's example: id1 and id2
)

// withGroups adds the claim groups to what the example's users have: id1 is in two.
type withGroups struct{ *storage.Storage }

// SetUserinfoFromToken implements op.Storage.
func (s withGroups) SetUserinfoFromToken(
	ctx context.Context, info *oidc.UserInfo, token, subject, origin string,
) error {
	if err := s.Storage.SetUserinfoFromToken(ctx, info, token, subject, origin); err != nil {
		return err
	}
	if subject == "id1" {
		info.AppendClaims("groups", []string{"everybody", "lab"})
	}
	return nil
}

var _ op.Storage = withGroups{}

// provider is an OpenID provider that may begin later than the hub.
type provider struct {
	*httptest.Server
	listener net.Listener
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &provider{listener: l}
}

func (p *provider) issuer() string { return "http://" + p.listener.Addr().String() }

// start begins to serve; until then connections wait in the kernel.
func (p *provider) start(t *testing.T, redirectURL string) {
	t.Helper()
	storage.RegisterClients(storage.WebClient(clientID, clientSecret, redirectURL))
	handler := exampleop.SetupServer(p.issuer(), withGroups{storage.NewStorage(storage.NewUserStore(p.issuer()))},
		slog.New(slog.DiscardHandler), false)
	p.Server = &httptest.Server{Listener: p.listener, Config: &http.Server{Handler: handler}}
	p.Server.Start()
	t.Cleanup(p.Close)
}
