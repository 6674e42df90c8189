package auth

import (
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/password"
	"github.com/bramble-cam/bramble/internal/secret"
)

// Of the cache of passwords that were right.
const (
	BasicCacheTTL = basicCacheTTL
	MaxBasicCache = maxBasicCache
)

// TokenPrincipal returns the principal of a token, or why it is not valid.
func TokenPrincipal(b *credstore.Snapshot, text secret.Text, now time.Time) (Principal, error) {
	return tokenPrincipal(b, text, now)
}

// ExternalPrincipal returns the principal that the mappings make of a person.
func ExternalPrincipal(b *credstore.Snapshot, id Identity, method string) (Principal, error) {
	return externalPrincipal(b, id, method)
}

// FillBasicCache adds passwords to the cache, and returns how many it holds then.
func (a *Authenticator) FillBasicCache(n int) int {
	for i := range n {
		a.basic.add(a.basic.mac(credstore.User{Name: fmt.Sprint(i)}, ""), time.Now())
	}
	return len(a.basic.known)
}

// Verifier returns what checks passwords.
func (a *Authenticator) Verifier() *password.Verifier { return a.verifier }
