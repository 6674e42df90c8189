package webui_test

import (
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/webui"
)

// The login page offers the available kinds of login, and escapes the texts that it shows.
func TestLoginPage(t *testing.T) {
	page := webui.NewLoginPage()
	for name, test := range map[string]struct {
		form      webui.LoginForm
		has, lack []string
	}{
		"password": {webui.LoginForm{Password: true, Next: "cam/porch"}, []string{`action="login"`, `value="cam/porch"`,
			"user add"}, []string{"login/oidc", "or with"}}, "both": {
			webui.LoginForm{Password: true, Provider: "Lab & Co <b>", Query: "?next=cam%2Fporch%3Fx%3D1"},
			[]string{`href="login/oidc?next=cam%2Fporch%3Fx%3D1"`, "Log in with Lab &amp; Co &lt;b&gt;", "or with a password",
				`action="login"`}, []string{"user add", "<b>"},
		},
		"provider only, failed": {
			webui.LoginForm{Provider: "x", Root: "../../", Problem: "<script>"},
			[]string{`href="../../login/oidc"`, `href="../../assets/login.css"`, `src="../../assets/theme.js"`, "&lt;script&gt;",
				`role="alert"`}, []string{"<form", "<script>"},
		},
	} {
		got := string(page.Render(test.form))
		for _, want := range test.has {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %s in\n%s", name, want, got)
			}
		}
		for _, bad := range test.lack {
			if strings.Contains(got, bad) {
				t.Errorf("%s: %s in\n%s", name, bad, got)
			}
		}
	}
}
