package httpapi

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/problem"
)

// checkOrigin refuses a request that a page of another origin makes, unless that is among allowed. Programs send no Origin.
func (s *Server) checkOrigin(r *http.Request, allowed []string) error {
	origin := r.Header.Get(echo.HeaderOrigin)
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case site == "same-origin": // the browser says so itself, also where a proxy has changed the host
		return nil
	case origin == "" && (site == "" || site == "none"):
		return nil
	case origin == "":
		return problem.New(http.StatusForbidden, "the request comes from a page of another origin")
	}
	if s.ownOrigin(r, origin) || isAllowed(allowed, origin) {
		return nil
	}
	return problem.Newf(http.StatusForbidden, "a page of the origin %s may not do this: its address differs from the hub's", cut(origin))
}
