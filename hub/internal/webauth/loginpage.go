package webauth

import (
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/hub/internal/sso"
	"github.com/bramble-cam/bramble/webui"
)

// loginPage is the page with the login form.
type loginPage struct {
	template *webui.LoginPage
	users    *credstore.Store
	provider *sso.Provider // nil: none
}

// showProblem answers with the form and the reason why the last attempt failed.
func (l *loginPage) showProblem(c echo.Context, p problem.Problem, f webui.LoginForm) error {
	f.Problem = strings.ToUpper(p.Detail[:1]) + p.Detail[1:] + "."
	p.SetRetryAfter(c.Response().Header())
	return l.show(c, p.Status, f)
}

// show answers with the form, which has the available kinds of login.
func (l *loginPage) show(c echo.Context, status int, f webui.LoginForm) error {
	f.Password = true
	if p := l.provider; p != nil {
		f.Provider, f.Password = p.Label(), len(l.users.Snapshot().Users()) > 0
		if f.Next != "" {
			f.Query = "?" + url.Values{"next": {f.Next}}.Encode()
		}
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.HTMLBlob(status, l.template.Render(f))
}
