// Package origin decides whether a browser sends a request for a page of another origin, and whether that page may do
// so. Authentication belongs to webauth.
package origin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/internal/printable"
)

// maxShown bounds the client's text in an error, in bytes.
const maxShown = 64

// Checker compares a page's origin with the hub's, as the client addressed it.
type Checker struct {
	Proxies trustedproxy.Proxies
	Allowed func() []string // other origins that may show pictures, such as https://example.org; "*" is all
}

// RequireOwn refuses a request that a page of another origin makes. Programs send no Origin.
func (c Checker) RequireOwn(r *http.Request) error {
	return c.require(r, nil, "use the hub's own page")
}

// RequireAllowed refuses a request that a page of another origin makes, unless that is among the allowed ones.
func (c Checker) RequireAllowed(r *http.Request) error {
	return c.require(r, c.Allowed(), "start the hub with the setting allow-origin and this origin")
}

func (c Checker) require(r *http.Request, allowed []string, remedy string) error {
	origin := r.Header.Get("Origin")
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case site == "same-origin": // the browser says so itself, also where a proxy has changed the host
		return nil
	case origin == "" && (site == "" || site == "none"):
		return nil
	case origin == "":
		return problem.New(http.StatusForbidden, "a page of another origin requested this: "+remedy)
	}
	if c.own(r, origin) || contains(allowed, origin) {
		return nil
	}
	return problem.Newf(http.StatusForbidden, "a page of the origin %s, which is not the hub's, requested this: %s",
		printable.Line(origin, maxShown), remedy)
}

// IsForeign reports whether a browser sends a request for a page of another host. Another port of the hub's host is not
// foreign. Neither is a followed link to one of the hub's pages, because the user sees it.
func (c Checker) IsForeign(r *http.Request) bool {
	h := r.Header
	switch site := h.Get("Sec-Fetch-Site"); site {
	case "same-origin", "none":
		return false
	case "same-site": // OctoPrint, for example, is a page at another port of the host
		if c.ownHostname(r, pageOrigin(r)) {
			return false
		}
	case "":
		// Old browsers send at most Referer. So do all browsers that reach a hub by its address without TLS.
		origin := pageOrigin(r)
		if origin == "" || c.ownHostname(r, origin) {
			return false
		}
		return !(WantsPage(r) && isPage(r.URL))
	}
	visit := h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
	return !visit || h.Get("Sec-Purpose") != "" // the user does not see what is loaded ahead
}

// IsAllowed reports whether the page for which a browser sends a request has one of the allowed origins.
func (c Checker) IsAllowed(r *http.Request) bool {
	allowed := c.Allowed()
	return slices.Contains(allowed, "*") || len(allowed) > 0 && contains(allowed, pageOrigin(r))
}

// IsOtherPort reports whether a browser sends a request for a page at another port of the hub's host.
func (c Checker) IsOtherPort(r *http.Request) bool {
	origin := pageOrigin(r)
	return c.ownHostname(r, origin) && !c.own(r, origin)
}

// own reports whether an origin is the hub's.
func (c Checker) own(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" &&
		(strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, c.Proxies.Host(r)))
}

// ownHostname reports whether an origin has the hub's host name, at any port.
func (c Checker) ownHostname(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return false
	}
	for _, host := range []string{r.Host, c.Proxies.Host(r)} {
		own := url.URL{Host: host}
		if strings.EqualFold(u.Hostname(), own.Hostname()) {
			return true
		}
	}
	return false
}

// pageOrigin returns the origin of the page for which a browser sends a request, or "" if the browser does not say.
func pageOrigin(r *http.Request) string {
	if origin := r.Header.Get("Origin"); origin != "" {
		return origin
	}
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func contains(allowed []string, origin string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool { return a == "*" || strings.EqualFold(a, origin) })
}

// WantsPage reports whether a user waits for a page, and not a program or a script for data.
func WantsPage(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	return strings.Contains(r.Header.Get("Accept"), "text/html") && (mode == "" || mode == "navigate")
}

// isPage reports whether an address is that of a page that other pages cannot show in a frame.
func isPage(u *url.URL) bool {
	id, camera := strings.CutPrefix(u.Path, "/cam/")
	return !u.Query().Has("embed") && !u.Query().Has("action") &&
		(u.Path == "/" || u.Path == "/login" || camera && !strings.ContainsAny(id, "./"))
}

// Share lets pages of other origins show an answer.
func Share(h http.Header) { h.Set("Cross-Origin-Resource-Policy", "cross-origin") }
