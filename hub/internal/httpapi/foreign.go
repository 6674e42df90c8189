package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/secret"
)

// unlessForeign returns a principal that the browser or a proxy names automatically, for any page that sends the
// request. It refuses a page of another origin.
func (s *Server) unlessForeign(c echo.Context, p access.Principal, err error) (access.Principal, error) {
	if err == nil {
		err = s.checkForeignPage(c)
	}
	if err != nil {
		return access.Principal{}, err
	}
	return p, nil
}

// checkForeignPage refuses pictures, frames and the like that a page of another origin has the browser load. Such a
// page cannot read them, but they switch the camera on. Exempt are files meant for other web pages, pages that
// --allow-origin names, and clients with a signed link.
func (s *Server) checkForeignPage(c echo.Context) error {
	r := c.Request()
	changes := r.Method != http.MethodGet && r.Method != http.MethodHead // checkOrigin refuses these with its own text
	if changes || !s.foreignPage(r) || sharedWithPages(c) || s.allowedPage(r) || s.linked(c) {
		return nil
	}
	return problem.New(http.StatusForbidden, "a page of another origin requested this: start the hub with "+
		"--allow-origin and the page's origin, such as https://example.org, "+
		"or give the page a signed link (bramble-hub link)")
}

// sharedWithPages reports whether other web pages may load the route.
func sharedWithPages(c echo.Context) bool {
	return slices.Contains([]string{"/assets/*", "/bramble-camera.js"}, c.Path())
}

// foreignPage reports whether a browser sends a request for a page of another host. Another port of the hub's host is
// not foreign. Neither is a followed link to the hub, because the user sees it.
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
		// Old browsers send at most Referer. So do all browsers that reach a hub by its address without TLS.
		origin := pageOrigin(r)
		if origin == "" || s.ownHostname(r, origin) {
			return false
		}
		return !(wantsPage(r) && isPage(r.URL))
	}
	visit := h.Get("Sec-Fetch-Mode") == "navigate" && h.Get("Sec-Fetch-Dest") == "document"
	return !visit || h.Get("Sec-Purpose") != "" // the user does not see what is loaded ahead
}

// isPage reports whether an address is that of a page that other pages cannot show in a frame.
func isPage(u *url.URL) bool {
	id, camera := strings.CutPrefix(u.Path, "/cam/")
	return !u.Query().Has("embed") && !u.Query().Has("action") &&
		(u.Path == "/" || u.Path == "/login" || camera && !strings.ContainsAny(id, "./"))
}

// pageOrigin returns the origin of the page for which a browser sends a request, or "" if the browser does not say.
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

// ownOrigin reports whether an origin is the hub's, as the client addressed it.
func (s *Server) ownOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && (strings.EqualFold(u.Host, r.Host) || strings.EqualFold(u.Host, s.hostAsked(r)))
}

// otherPort reports whether an origin is at another port of the hub's host.
func (s *Server) otherPort(r *http.Request, origin string) bool {
	return s.ownHostname(r, origin) && !s.ownOrigin(r, origin)
}

// ownHostname reports whether an origin has the hub's host name, as the client addressed it, at any port.
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
