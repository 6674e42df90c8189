package webui

import (
	"bytes"
	"html/template"
)

// LoginForm is what the login page shows.
type LoginForm struct {
	User    string // that is filled in
	Next    string // address below the hub's root to go on to
	Problem string // why the last attempt failed; "" on the first one
}

// Login returns the login page, which lies in the hub's root. It works without JavaScript.
func Login(f LoginForm) []byte {
	page := template.Must(template.ParseFS(FS, "login.html")) // a test parses it
	var out bytes.Buffer
	if err := page.Execute(&out, f); err != nil {
		panic("webui: " + err.Error()) // a buffer takes all, and the template has only what LoginForm has
	}
	return out.Bytes()
}
