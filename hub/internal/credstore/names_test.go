package credstore_test

import (
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"anna": true, "a": true, "anna@example.com": true, "pi-1.lab_2": true, strings.Repeat("a", 63): true,
		"": false, "Anna": false, "-a": false, "a b": false, "a\nb": false, "a/b": false, "ä": false,
		strings.Repeat("a", 64): false,
	} {
		if err := credstore.ValidateName(name); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
	for glob, want := range map[string]bool{
		"*": true, "lab-*": true, "*-1": true, "porch": true, "a*b*c": true,
		"": false, "-a": false, "lab?": false, "[a]": false, "lab.*": false, ">": false, "Lab": false, "a,b": false,
		`a\b`: false, strings.Repeat("*", 64): false,
	} {
		if err := permission.ValidateGlobs([]string{glob}); (err == nil) != want {
			t.Errorf("%q: %v", glob, err)
		}
	}
}
