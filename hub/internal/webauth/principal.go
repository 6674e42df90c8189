package webauth

import (
	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/permission"
)

// principalKey is where RequireAuth leaves the principal in echo's context.
const principalKey = "bramble.principal"

// RequireMetricsAccess refuses a principal that may not see the numbers of all cameras. It comes after RequireAuth.
func RequireMetricsAccess(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if p := PrincipalFrom(c); !p.HasRole(permission.Admin) && !(p.Method == auth.MethodToken && p.CanViewAll()) {
			return authz.Forbidden(p, "the role admin, or an API token of a user who may see all cameras")
		}
		return next(c)
	}
}

// PrincipalFrom returns the principal of a request that RequireAuth or RequireAuthOrLink let through. Otherwise it is
// the zero value, which may do nothing.
func PrincipalFrom(c echo.Context) auth.Principal {
	p, _ := c.Get(principalKey).(auth.Principal)
	return p
}
