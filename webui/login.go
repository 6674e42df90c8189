package webui

import (
	"bytes"
	"html/template"
)

// LoginForm is the content of the login page.
type LoginForm struct {
	User           string // the prefilled name
	Next           string // address below the hub's root to open after the login
	Problem        string // why the last attempt failed; "" on the first one
	ProviderFailed bool   // that attempt was at the identity provider
	Root           string // relative path from the page to the hub's root: "" or "../../"

	Password bool   // there are users with a password
	Provider string // name of the identity provider; "" if there is none
	Query    string // query of the address at which a login there begins
}

// LoginPage is the login page, which is in the hub's root. It works without JavaScript.
type LoginPage struct{ page *template.Template }

// NewLoginPage reads the page.
func NewLoginPage() *LoginPage {
	return &LoginPage{template.Must(template.ParseFS(FS, "login.html"))} // a test parses it
}

// Render returns the page with a form.
func (l *LoginPage) Render(f LoginForm) []byte {
	var out bytes.Buffer
	if err := l.page.Execute(&out, f); err != nil {
		panic("webui: " + err.Error()) // a buffer takes all, and the template has only what LoginForm has
	}
	return out.Bytes()
}
