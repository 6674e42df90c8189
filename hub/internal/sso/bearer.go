package sso

import (
	"context"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/setting"
)

// BearerConfig says which signed tokens are valid.
type BearerConfig struct {
	Keys     string // URL or file of the provider's key set
	Issuer   string // claim iss
	Audience string // must be in the claim aud
	Claims   Claims
}

// Bearer checks bearer tokens that an identity provider has signed (JWT, RFC 7519).
type Bearer struct {
	claims   Claims
	verifier *oidc.IDTokenVerifier
	close    func()
}

// NewBearer returns a Bearer. It sends no request yet, but a key file must exist.
func NewBearer(ctx context.Context, cfg BearerConfig) (*Bearer, error) {
	if cfg.Issuer == "" || cfg.Audience == "" {
		return nil, setting.Errorf("{jwt-keys} needs {jwt-issuer} and {jwt-audience}: " +
			"without them a token for another program would be valid here")
	}
	client := newClient()
	keys := &keySet{}
	if strings.Contains(cfg.Keys, "://") {
		if err := checkURL(setting.Name("jwt-keys"), cfg.Keys); err != nil {
			return nil, err
		}
		keys.fetch = fromURL(client, cfg.Keys)
	} else {
		keys.fetch = fromFile(cfg.Keys)
		if err := keys.refresh(ctx); err != nil {
			return nil, setting.Errorf("{jwt-keys} %s: %w", cfg.Keys, err)
		}
	}
	verifier := oidc.NewVerifier(cfg.Issuer, keys,
		&oidc.Config{ClientID: cfg.Audience, SupportedSigningAlgs: algorithms()})
	return &Bearer{cfg.Claims, verifier, client.CloseIdleConnections}, nil
}

// Close closes connections to the provider.
func (b *Bearer) Close() { b.close() }

// Verify returns the person that a token identifies, and the token's expiry.
// The error is an *UnavailableError if the provider's keys are needed but unavailable.
func (b *Bearer) Verify(ctx context.Context, token secret.Text) (auth.Identity, time.Time, error) {
	t, err := check(ctx, b.verifier, token.Reveal())
	if err != nil {
		return auth.Identity{}, time.Time{}, err
	}
	var set claimSet
	if err := t.Claims(&set); err != nil {
		return auth.Identity{}, time.Time{}, err
	}
	id, err := b.claims.identity(set)
	return id, t.Expiry, err
}
