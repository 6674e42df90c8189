package webauth

import (
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/sso"
	"github.com/bramble-cam/bramble/webui"
)

// loginPage is the page with the login form.
type loginPage struct {
	template *webui.LoginPage
	users    *credstore.Store
	provider *sso.Provider // nil: none
}

// show answers with the form.
func (l *loginPage) show(c echo.Context, status int, f webui.LoginForm) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.HTMLBlob(status, l.template.Render(l.complete(f)))
}

// complete returns the login page's form with the available kinds of login.
func (l *loginPage) complete(f webui.LoginForm) webui.LoginForm {
	f.Password = true
	if p := l.provider; p != nil {
		f.Provider, f.Password = p.Label(), len(l.users.Snapshot().Users()) > 0
		if f.Next != "" {
			f.Query = "?" + url.Values{"next": {f.Next}}.Encode()
		}
	}
	return f
}
