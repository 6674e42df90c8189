package status

import (
	"strings"
	"testing"
)

func TestDecodeSettings(t *testing.T) {
	s, err := DecodeSettings([]byte(`{"fps": 12.5, "controls": {"brightness": -3}}`))
	if err != nil {
		t.Fatal(err)
	}
	if s.FPS == nil || *s.FPS != 12.5 || s.Quality != nil || s.Controls["brightness"] != -3 {
		t.Errorf("decoded %+v", s)
	}
	for _, c := range []struct{ name, data, want string }{
		{"nothing", ``, "write a JSON object"},
		{"empty", `{}`, "nothing to change"},
		{"unknown", `{"speed": 3}`, `unknown field "speed"`},
		{"type", `{"fps": "fast"}`, "fps"},
		{"more", `{"fps": 3}{"fps": 4}`, "nothing behind it"},
		{"fraction", `{"controls": {"brightness": 1.5}}`, "controls"},
		{"large", `{"controls": {"` + strings.Repeat("x", MaxSettingsSize) + `": 1}}`, "at most 8192"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := DecodeSettings([]byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
