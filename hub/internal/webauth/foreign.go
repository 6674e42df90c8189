package webauth

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/internal/secret"
)

// unlessForeign returns a principal that the browser or a proxy names automatically, for any page that sends the
// request. It refuses a page of another origin.
func (a *Auth) unlessForeign(c echo.Context, p auth.Principal, err error) (auth.Principal, error) {
	if err == nil {
		err = a.CheckForeignPage(c)
	}
	if err != nil {
		return auth.Principal{}, err
	}
	return p, nil
}

// CheckForeignPage refuses pictures, frames and the like that a page of another origin has the browser load. Such a
// page cannot read them, but they switch the camera on. Exempt are files meant for other web pages, pages that
// the setting allow-origin names, and clients with a signed link.
func (a *Auth) CheckForeignPage(c echo.Context) error {
	r := c.Request()
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead // checkOrigin refuses these with its own text
	if changes || !a.cfg.Origins.IsForeign(r) || slices.Contains(a.cfg.Shared, c.Path()) || a.cfg.Origins.IsAllowed(r) || a.linked(c) {
		return nil
	}
	return problem.New(http.StatusForbidden, "a page of another origin requested this: start the hub with "+
		"the setting allow-origin and the page's origin, such as https://example.org, "+
		"or give the page a signed link (bramble-hub link)")
}

// linked reports whether the request has a signed link to the camera that it names.
func (a *Auth) linked(c echo.Context) bool {
	link := c.QueryParam(signedlink.Parameter)
	if link == "" || a.cfg.Authenticator == nil {
		return false
	}
	_, err := a.cfg.Authenticator.Link(a.cfg.Proxies.ClientAddr(c.Request()), linkedCamera(c), secret.Text(link))
	return err == nil
}
