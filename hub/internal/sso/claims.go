package sso

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/access"
)

// Claims names the claims of a token that say who a person is.
type Claims struct {
	User   string // "email" counts only if the provider has verified it
	Groups string // a text or a list of texts; a dot leads into an object, such as realm_access.roles
}

// claimSet is the content of a token.
type claimSet map[string]any

// has reports whether both claims are there.
func (c Claims) has(set claimSet) bool {
	_, user := set.find(c.User)
	_, groups := set.find(c.Groups)
	return user && groups
}

// identity reads who a person is.
func (c Claims) identity(set claimSet) (access.Identity, error) {
	value, _ := set.find(c.User)
	name, ok := value.(string)
	if !ok || name == "" {
		return access.Identity{}, fmt.Errorf("the token has no text in the claim %q, which names the user", c.User)
	}
	if c.User == "email" && !set.verifiedEmail() {
		return access.Identity{}, errors.New("the provider does not say that it has verified the email address: " +
			"let another claim name the user")
	}
	groups, _ := set.find(c.Groups)
	return access.Identity{Name: name, Groups: texts(groups)}, nil
}

func (set claimSet) verifiedEmail() bool {
	switch v := set["email_verified"].(type) {
	case bool:
		return v
	case string: // as some providers write it
		return v == "true"
	}
	return false
}

// find returns a claim by its name, or by the names on the way into an object.
func (set claimSet) find(name string) (any, bool) {
	if value, ok := set[name]; ok {
		return value, true
	}
	first, rest, ok := strings.Cut(name, ".")
	inner, isObject := set[first].(map[string]any)
	if !ok || !isObject {
		return nil, false
	}
	return claimSet(inner).find(rest)
}

// texts returns the texts in a value. What is none is left out: it cannot be the name of a group.
func texts(value any) (list []string) {
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		for _, entry := range v {
			if text, ok := entry.(string); ok {
				list = append(list, text)
			}
		}
	}
	return list
}
