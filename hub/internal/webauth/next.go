package webauth

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/signedlink"
)

// maxNext bounds the address to go on to after the login, in bytes.
const maxNext = 1024

// safeNext returns an address below the hub's root to go on to after the login, or "": never another host's. It has no
// slash at its beginning.
func safeNext(next string) string {
	u, err := url.Parse(next)
	if err != nil || len(next) > maxNext || u.Scheme != "" || u.Host != "" || u.User != nil ||
		strings.HasPrefix(next, "/") || strings.ContainsFunc(next, unsafeInNext) ||
		strings.Contains(u.Path, "..") || strings.HasPrefix(u.Path, "/") {
		return ""
	}
	return next
}

// unsafeInNext reports whether browsers read a character as something else, or drop it.
func unsafeInNext(c rune) bool { return c <= ' ' || c == '\\' || c >= 0x7f }

// RedirectToLogin sends a browser to the login page, and from there back to the requested page. Addresses are relative,
// because a proxy may serve the hub below a path.
func RedirectToLogin(c echo.Context) error {
	u := *c.Request().URL
	query := u.Query()
	query.Del(signedlink.Parameter) // it was refused, and is still a secret
	u.RawQuery = query.Encode()
	path := strings.TrimPrefix(u.EscapedPath(), "/")
	next := path
	if u.RawQuery != "" {
		next += "?" + u.RawQuery
	}
	to := strings.Repeat("../", strings.Count(path, "/")) + "login"
	if next = safeNext(next); next != "" {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.Redirect(http.StatusSeeOther, to)
}
