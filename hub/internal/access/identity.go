package access

import (
	"strconv"
	"strings"
)

// Identity names the owner of a share of a limited resource: a user, whatever their proof, or one signed link.
// It is "" while authentication is off.
func (p Principal) Identity() string {
	switch p.Method {
	case MethodNone, "":
		return ""
	case MethodLink: // a link is these three values, signed
		return "link " + p.grants[0].glob + " " + strings.Join(p.formats, "-") + " " + strconv.FormatInt(p.expires.Unix(), 10)
	}
	if p.external != nil {
		return "elsewhere " + p.Name
	}
	return "user " + p.Name
}
