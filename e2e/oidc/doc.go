// Package oidc logs in at a hub by OpenID Connect, with a whole provider: zitadel/oidc's, which the OpenID Foundation
// has certified. It is a module of its own, and "go -C e2e/oidc test ./..." runs it.
package oidc
