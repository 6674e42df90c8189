package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/origin"
)

// The policies of the hub's answers. A page loads from this hub only. 'self' includes the WebSocket.
const (
	policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
		"media-src 'self' blob:; connect-src 'self'; " +
		"worker-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "
	ownPolicy   = policy + "'self'"
	embedPolicy = policy + "*" // of a page that other pages may show in a frame
)

const (
	// transportSecurity makes browsers use TLS only, for a month after each visit. It excludes subdomains. After TLS is
	// turned off, a host is unreachable by HTTP for up to that month.
	transportSecurity = "max-age=2592000"

	headerResourcePolicy = "Cross-Origin-Resource-Policy"
)

// permissions denies the page the features that it does not use. It uses autoplay, clipboard-write, fullscreen and
// picture-in-picture.
func permissions() string {
	denied := []string{
		"accelerometer", "camera", "display-capture", "encrypted-media", "geolocation", "gyroscope", "magnetometer",
		"microphone", "midi", "payment", "publickey-credentials-get", "screen-wake-lock", "usb", "xr-spatial-tracking",
	}
	return strings.Join(denied, "=(), ") + "=()"
}

// securityHeaders makes browsers isolate the hub's answers from pages of other origins, and the page from other hosts.
func (s *Server) securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	permissions := permissions()
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set(echo.HeaderContentSecurityPolicy, ownPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", permissions)
		h.Set(headerResourcePolicy, "same-origin")
		// For a page at another port "same-site" would be enough, but Chromium does not know it of IP addresses.
		if r := c.Request(); slices.Contains(sharedRoutes(), c.Path()) || s.origin().IsAllowed(r) || s.origin().IsOtherPort(r) {
			origin.Share(c.Response().Header())
		}
		if s.cfg.Proxies.OverTLS(c.Request()) && !s.selfSigned(c.Request()) {
			h.Set(echo.HeaderStrictTransportSecurity, transportSecurity)
		}
		return next(c)
	}
}

// selfSigned reports whether browsers ask users about the hub's own certificate. With Strict-Transport-Security they
// would not ask again, so users who trusted it once could not reach the hub after its renewal.
func (s *Server) selfSigned(r *http.Request) bool {
	return r.TLS != nil && s.cfg.SelfSigned != nil && s.cfg.SelfSigned()
}
