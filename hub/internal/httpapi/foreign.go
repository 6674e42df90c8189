package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/shared/secret"
)

// unlessForeign returns a principal whom the browser, or a proxy, names by itself, whatever page has it ask, unless that
// is a page of another origin.
func (s *Server) unlessForeign(c echo.Context, p access.Principal, err error) (access.Principal, error) {
	if err == nil {
		err = s.checkForeignPage(c)
	}
	if err != nil {
		return access.Principal{}, err
	}
	return p, nil
}

// checkForeignPage refuses what a page of another origin has a browser load, such as pictures and frames: it cannot
// read them, but they switch the camera on. Exempt are what other people's pages are meant to load, pages that
// --allow-origin names, and who has a signed link.
func (s *Server) checkForeignPage(c echo.Context) error {
	r := c.Request()
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead // which checkOrigin refuses, in other words
	if changes || !s.foreignPage(r) || sharedWithPages(c) || s.allowedPage(r) || s.linked(c) {
		return nil
	}
	return echo.NewHTTPError(http.StatusForbidden, "a page of another origin has asked for this: start the hub with "+
		"--allow-origin and the page's origin, such as https://example.org, or give the page a signed link (bramble-hub link)")
}

// sharedWithPages reports whether the route is for other people's pages.
func sharedWithPages(c echo.Context) bool {
	return slices.Contains([]string{"/assets/*", "/bramble-camera.js"}, c.Path())
}

// foreignPage reports whether a browser sends a request for a page of another host. Another port of the hub's host is
// not foreign. Following a link to the hub is not that either: it is seen.
func (s *Server) foreignPage(r *http.Request) bool {
	h := r.Header
	switch site := h.Get("Sec-Fetch-Site"); site {
	case "same-origin", "none":
		return false
	case "same-site": // OctoPrint, for example, is a page at another port of the host
		if s.ownHostname(r, pageOrigin(r)) {
			return false
		}
	case "":
		// Old browsers, and all browsers that reach a hub by its address without TLS, send Referer at most.
		origin := pageOrigin(r)
		if origin == "" || s.ownHostname(r, origin) {
			return false
		}
		return !(wantsPage(r) && isPage(r.URL))
	}
	visit := h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
	return !visit || h.Get("Sec-Purpose") != "" // what is loaded ahead is not seen
}

// isPage reports whether an address is that of a page that other pages cannot show in a frame.
func isPage(u *url.URL) bool {
	id, camera := strings.CutPrefix(u.Path, "/cam/")
	return !u.Query().Has("embed") && !u.Query().Has("action") &&
		(u.Path == "/" || u.Path == "/login" || camera && !strings.ContainsAny(id, "./"))
}

// pageOrigin returns the origin of the page for which a browser sends a request, as far as it says so, or "".
func pageOrigin(r *http.Request) string {
	if origin := r.Header.Get(echo.HeaderOrigin); origin != "" {
		return origin
	}
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// ownOrigin reports whether an origin is the hub's, as the client has asked for it.
func (s *Server) ownOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && (strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, s.hostAsked(r)))
}

// ownHostname reports whether an origin has the hub's host name, as the client has asked for it, at any port.
func (s *Server) ownHostname(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Hostname() == "" {
		return false
	}
	for _, host := range []string{r.Host, s.hostAsked(r)} {
		own := url.URL{Host: host}
		if strings.EqualFold(u.Hostname(), own.Hostname()) {
			return true
		}
	}
	return false
}

// allowedPage reports whether --allow-origin names the page for which a browser sends a request.
func (s *Server) allowedPage(r *http.Request) bool {
	allowed := s.live().AllowOrigins
	return slices.Contains(allowed, "*") || len(allowed) > 0 && isAllowed(allowed, pageOrigin(r))
}

func isAllowed(allowed []string, origin string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool { return a == "*" || strings.EqualFold(a, origin) })
}

// linked reports whether the request has a signed link to the camera that it names.
func (s *Server) linked(c echo.Context) bool {
	link := c.QueryParam(access.LinkParameter)
	if link == "" || s.door == nil {
		return false
	}
	_, err := s.door.Link(s.addressOf(c.Request()), linkedCamera(c), secret.Text(link))
	return err == nil
}
