package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
)

// stripPrefix makes the hub work below the path that a trusted proxy names in X-Forwarded-Prefix, whether or not the
// proxy removes that path.
func stripPrefix(proxies trustedproxy.Proxies) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			prefix := proxies.Prefix(r)
			if prefix == "" {
				return next(c)
			}
			rest, ok := strings.CutPrefix(r.URL.Path, prefix)
			switch {
			case !ok || rest != "" && rest[0] != '/':
				return next(c)
			case rest == "": // the page's addresses are relative to a folder
				to := *r.URL
				to.Path, to.RawPath = prefix+"/", ""
				return c.Redirect(http.StatusPermanentRedirect, to.RequestURI())
			}
			r.URL.Path = rest
			if raw, ok := strings.CutPrefix(r.URL.RawPath, prefix); ok {
				r.URL.RawPath = raw
			} else {
				r.URL.RawPath = ""
			}
			return next(c)
		}
	}
}
