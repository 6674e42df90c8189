package sso

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/auth"
)

// Claims names the claims of a token that identify a person.
type Claims struct {
	User   string // "email" counts only if the provider has verified it
	Groups string // a string or a list of strings; a dot selects a member of an object: realm_access.roles
}

// claimSet is the content of a token.
type claimSet map[string]any

// has reports whether both claims are present.
func (c Claims) has(set claimSet) bool {
	_, user := set.find(c.User)
	_, groups := set.find(c.Groups)
	return user && groups
}

// identity returns the person that the claims identify.
func (c Claims) identity(set claimSet) (auth.Identity, error) {
	value, _ := set.find(c.User)
	name, ok := value.(string)
	if !ok || name == "" {
		return auth.Identity{}, fmt.Errorf("the token has no string in the claim %q, which names the user", c.User)
	}
	if c.User == "email" && !set.verifiedEmail() {
		return auth.Identity{}, errors.New("the provider does not state that it has verified the email address: " +
			"choose another claim for the user's name")
	}
	groups, _ := set.find(c.Groups)
	return auth.Identity{Name: name, Groups: texts(groups)}, nil
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

// find returns a claim by its name, or by a path of names into an object.
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

// texts returns the strings in a value. Other values cannot be group names and are left out.
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
