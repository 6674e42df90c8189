package webui

import (
	"bytes"
	"html/template"
)

// LoginForm is what the login page shows.
type LoginForm struct {
	User      string // that is filled in
	Next      string // address below the hub's root to go on to
	Problem   string // why the last attempt failed; "" on the first one
	Elsewhere bool   // it was at the identity provider
	Root      string // leads from the page's address to the hub's root: "" or "../../"

	Password bool   // there are users with a password
	Provider string // name of the identity provider; "" if there is none
	Query    string // of the address at which a login there begins
}

// LoginPage is the login page, which lies in the hub's root. It works without JavaScript.
type LoginPage struct{ page *template.Template }

// NewLoginPage reads the page.
func NewLoginPage() *LoginPage {
	return &LoginPage{template.Must(template.ParseFS(FS, "login.html"))} // a test parses it
}

// Render returns the page with what is in the form.
func (l *LoginPage) Render(f LoginForm) []byte {
	var out bytes.Buffer
	if err := l.page.Execute(&out, f); err != nil {
		panic("webui: " + err.Error()) // a buffer takes all, and the template has only what LoginForm has
	}
	return out.Bytes()
}
