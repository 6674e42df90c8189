package auth

import (
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
)

// The methods by which a client proves its identity.
const (
	MethodNone     = "nothing" // authentication is off
	MethodPassword = "password"
	MethodToken    = "token"
	MethodSession  = "session"
	MethodLink     = "link"
	MethodProxy    = "proxy" // headers of a trusted reverse proxy
	MethodJWT      = "jwt"   // a bearer token of an identity provider
	MethodOIDC     = "oidc"  // a login at an identity provider
)

// Principal is an authenticated client and what it may do. The zero value may do nothing.
type Principal struct {
	permission.Set

	Name        string // of the user; of a link "link"
	Method      string // by which the identity was proven
	LoginMethod string // of the login that began a session, if not a password: MethodOIDC

	external *Identity       // of a person who is not a user in the file
	link     signedlink.Link // of a signed link

	// By which Revalidate knows whether the proof is still valid.
	credentialVersion string           // of a user
	session           *session.Session // of a cookie
	token             string           // id
	key               []byte           // that signed a link or a cookie
	expires           time.Time        // zero: never
}

// Anonymous returns the principal of every client while authentication is off.
func Anonymous() Principal {
	return Principal{Set: permission.All(), Name: "anonymous", Method: MethodNone}
}

// Proof tells apart several proofs of the same method: the id of a token, or the expiry of a link. It is not secret.
func (p Principal) Proof() string {
	switch p.Method {
	case MethodToken:
		return p.token
	case MethodLink:
		return "expires " + p.expires.UTC().Format(time.RFC3339)
	}
	return p.LoginMethod
}

// SameGrants reports whether q has the same roles for the same cameras.
func (p Principal) SameGrants(q Principal) bool { return p.Set.SameGrants(q.Set) }

// Identity names the owner of a share of a limited resource: a user, whatever their proof, or one signed link.
// It is "" while authentication is off.
func (p Principal) Identity() string {
	switch p.Method {
	case MethodNone, "":
		return ""
	case MethodLink: // a link is these three values, signed
		return "link " + p.link.Camera + " " + strings.Join(p.link.Formats, "-") + " " +
			strconv.FormatInt(p.link.Expires.Unix(), 10)
	}
	if p.external != nil {
		return "elsewhere " + p.Name
	}
	return "user " + p.Name
}
