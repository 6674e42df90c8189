package apiv1

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// meJSON is the principal of a request. docs/ref/http.md describes it.
type meJSON struct {
	Name string          `json:"name"`
	Role permission.Role `json:"role"`
	Open bool            `json:"open"`

	LogoutURL string `json:"logout_url,omitempty"` // ends the login at the proxy or provider
}

// me answers with the principal of the request.
func (a *API) me(c echo.Context) error {
	p := webauth.PrincipalFrom(c)
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, meJSON{p.Name, p.Role, p.Method == auth.MethodNone, a.cfg.Auth.LogoutURL(c, p)})
}
