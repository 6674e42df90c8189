package web

import (
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
)

// The policies of the hub's answers. A page loads from this hub only. 'self' includes the WebSocket.
const (
	policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; " +
		"media-src 'self' blob:; connect-src 'self'; " +
		"worker-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors "
	ownPolicy   = policy + "'self'"
	embedPolicy = policy + "*" // of a page that other pages may show in a frame
)

// transportSecurity makes browsers use TLS only, for a month after each visit. It excludes subdomains. After TLS is
// turned off, a host is unreachable by HTTP for up to that month.
const transportSecurity = "max-age=2592000"

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
// Pages of other origins may load the shared routes. selfSigned, if not nil, reports whether browsers ask users about
// the hub's own certificate. With Strict-Transport-Security they would not ask again, so users who trusted it once
// could not reach the hub after its renewal.
func securityHeaders(
	proxies trustedproxy.Proxies, origins origin.Checker, shared []string, selfSigned func() bool,
) echo.MiddlewareFunc {
	permissions := permissions()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, h := c.Request(), c.Response().Header()
			h.Set(echo.HeaderContentSecurityPolicy, ownPolicy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Permissions-Policy", permissions)
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			// For a page at another port "same-site" would be enough, but Chromium does not know it of IP addresses.
			if slices.Contains(shared, c.Path()) || origins.IsAllowed(r) || origins.IsOtherPort(r) {
				origin.Share(h)
			}
			ownCertificate := r.TLS != nil && selfSigned != nil && selfSigned()
			if proxies.OverTLS(r) && !ownCertificate {
				h.Set(echo.HeaderStrictTransportSecurity, transportSecurity)
			}
			return next(c)
		}
	}
}
