package webauth

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/internal/secret"
)

// foreignPages refuses what pages of other origins load.
type foreignPages struct {
	auth    *auth.Authenticator // of signed links; nil: none is valid
	proxies trustedproxy.Proxies
	origins origin.Checker
	shared  []string // routes that pages of other origins may load
}

// unlessForeign returns a principal that the browser or a proxy names automatically, for any page that sends the
// request. It refuses a page of another origin.
func (f foreignPages) unlessForeign(c echo.Context, p auth.Principal, err error) (auth.Principal, error) {
	if err == nil {
		err = f.check(c)
	}
	if err != nil {
		return auth.Principal{}, err
	}
	return p, nil
}

// check refuses pictures, frames and the like that a page of another origin has the browser load. Such a
// page cannot read them, but they switch the camera on. Exempt are files meant for other web pages, pages that
// the setting allow-origin names, and clients with a signed link.
func (f foreignPages) check(c echo.Context) error {
	r := c.Request()
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead // RequireOwn refuses these
	if changes || !f.origins.IsForeign(r) || slices.Contains(f.shared, c.Path()) || f.origins.IsAllowed(r) ||
		f.linked(c) {
		return nil
	}
	return problem.New(http.StatusForbidden, "a page of another origin requested this: start the hub with "+
		"the setting allow-origin and the page's origin, such as https://example.org, or use a signed link "+
		"(bramble-hub link)")
}

// linked reports whether the request has a signed link to the camera that it names.
func (f foreignPages) linked(c echo.Context) bool {
	link := c.QueryParam(signedlink.Parameter)
	if link == "" || f.auth == nil {
		return false
	}
	_, err := f.auth.Link(f.proxies.ClientAddr(c.Request()), linkedCamera(c), secret.Text(link))
	return err == nil
}

// linkedCamera returns which camera a link in the request would be for: /ws has it in a parameter, the others in the
// path.
func linkedCamera(c echo.Context) string {
	if c.Param("camera") == "" {
		return c.QueryParam("camera")
	}
	id, _, _ := strings.Cut(c.Param("camera"), ".")
	return id
}
