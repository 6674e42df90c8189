package status

import (
	"encoding/json"
	"reflect"
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
		{"more", `{"fps": 3}{"fps": 4}`, "nothing after it"},
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

// FuzzSettings decodes untrusted documents. A document that is accepted means the same when it is encoded again. An
// error is one line of bounded length.
func FuzzSettings(f *testing.F) {
	for _, text := range []string{
		`{"fps":15}`, `{"controls":{"brightness":10}}`, `{"quality":80,"bitrate":2000000}`, `{"fps":1e999}`, `{"fps":null}`,
		`{}`, `null`, `[]`, `{"fps":1}{"fps":2}`, `{"Fps":1,"fps":2}`, `{"speed\n":1}`, `{"controls":{"a":1.5}}`, "\xff",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := DecodeSettings(data)
		if err != nil {
			if text := err.Error(); len(text) > 6*MaxSettingsSize+500 || strings.ContainsAny(text, "\r\n") ||
				!strings.HasPrefix(text, "settings") {
				t.Fatalf("the refusal is %q", text)
			}
			return
		}
		if len(data) > MaxSettingsSize {
			t.Fatalf("%d bytes are taken", len(data))
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > MaxSettingsSize {
			return // escapes are longer
		}
		if back, err := DecodeSettings(again); err != nil || !reflect.DeepEqual(back, s) {
			t.Fatalf("%s became %s: %+v, %v", data, again, back, err)
		}
	})
}
