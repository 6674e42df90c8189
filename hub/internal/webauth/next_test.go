package webauth_test

import (
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// TestSafeNext: no address leads to another host after the login.
func TestSafeNext(t *testing.T) {
	for next, ok := range map[string]bool{
		"": true, "cam/porch": true, "cam/porch?embed": true, "?group=lab&cols=3": true, "/cam/porch": false,
		"//evil.example": false, "/\\evil.example": false, "\\\\evil.example": false,
		"https://evil.example": false, "https:evil.example": false, "javascript:alert(1)": false, "cam/../../evil": false,
		"a\tb": false, "a\nb": false, "%2F/evil.example": false, "././/x": true,
		"cam/\u202eporch": false, strings.Repeat("x", webauth.MaxNext+1): false, "%zz": false, "..": false,
	} {
		if got := webauth.SafeNext(next); got != next && got != "" || (got == next) != ok {
			t.Errorf("%q becomes %q", next, got)
		}
	}
}
