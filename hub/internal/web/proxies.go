package web

import (
	"log/slog"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/setting"
)

// proxiedKey is where cleanProxyHeaders records in echo's context that a request came through a proxy.
const proxiedKey = "bramble.proxied"

// isProxied reports whether headers say that the request came through a proxy, trusted or not.
func isProxied(c echo.Context) bool {
	proxied, _ := c.Get(proxiedKey).(bool)
	return proxied
}

// cleanProxyHeaders removes the headers of untrusted proxies, and records whether a request came through any proxy.
func cleanProxyHeaders(proxies trustedproxy.Proxies, log *slog.Logger) echo.MiddlewareFunc {
	untrusted := untrustedProxy{log, loglimit.New(loglimit.Notices())}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			proxied, ignored := proxies.Clean(c.Request())
			c.Set(proxiedKey, proxied)
			if ignored {
				untrusted.warn(netutil.Host(c.Request().RemoteAddr))
			}
			return next(c)
		}
	}
}

// untrustedProxy warns the operator, once a minute, of a proxy that the hub does not trust.
type untrustedProxy struct {
	log   *slog.Logger
	limit *loglimit.Limiter
}

func (u untrustedProxy) warn(address string) {
	if ok, kept := u.limit.Allow("proxy", time.Now()); ok {
		u.log.Warn("X-Forwarded-For is ignored: it comes from an address that is not a trusted proxy", "address", address,
			"remedy", setting.Errorf("if your reverse proxy has this address, start the hub with {trusted-proxy} %s", address),
			"kept_back", kept)
	}
}
