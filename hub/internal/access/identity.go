package access

import (
	"strconv"
	"strings"
)

// Identity names whom a share of something limited is for: a user, whatever they show, or one signed link. It is "" while nobody is asked.
func (p Principal) Identity() string {
	switch p.By {
	case ByNothing, "":
		return ""
	case ByLink: // it is nothing but these, signed
		return "link " + p.grants[0].glob + " " + strings.Join(p.formats, "-") + " " + strconv.FormatInt(p.expires.Unix(), 10)
	}
	if p.external != nil {
		return "elsewhere " + p.Name
	}
	return "user " + p.Name
}
