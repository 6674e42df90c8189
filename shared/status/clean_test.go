package status

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"github.com/bramble-cam/bramble/internal/printable"
)

// evil is a text that a hostile agent may send. It clears a terminal's screen, sets the clipboard, reverses the writing
// direction and forges a line.
const evil = "a\x1b[2J\x1b]52;c;eA==\x07\u202eb\r\nOK\u0000\u007f\u009b31m\ufeff"

// TestDecodeCleans sets each text that a document may have, found by reflection, to something evil and long.
func TestDecodeCleans(t *testing.T) {
	long := evil + strings.Repeat("x", 2000)
	doc := Status{
		Controls: []Control{{Menu: []string{""}}, {Menu: []string{"", ""}}},
		Drops:    map[string]uint64{evil: 1, long: 2},
	}
	fill(reflect.ValueOf(&doc).Elem(), long)
	doc.Camera, doc.Instance, doc.State, doc.Format = "porch", "i", Live, "jpeg"
	data, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	texts := 0
	each(reflect.ValueOf(s), func(text string) {
		texts++
		if !printable.Is(text) || len(text) > maxReason || strings.ContainsFunc(text, unicode.IsControl) {
			t.Errorf("%q", text)
		}
	})
	if want := 10 + 2*2 + 3 + 1; texts != want { // the two reasons of drops are one when they are cut
		t.Errorf("%d texts, want %d", texts, want)
	}
	if s.Host != printable.Line(long, maxHost) || s.Controls[1].Menu[1] != printable.Line(long, maxControl) {
		t.Errorf("%+v", s)
	}
}

// TestDecodeKeepsGoodTexts: the texts of real agents stay as they are.
func TestDecodeKeepsGoodTexts(t *testing.T) {
	const reason = "48 °C – “too hot”: give it air"
	s, err := Decode([]byte(`{"camera":"a","instance":"1","state":"degraded","format":"jpeg","host":"wohnküche",` +
		`"reason":"` + reason + `"}`))
	if err != nil || s.Reason != reason || s.Host != "wohnküche" {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestInstanceIsNotCleaned: two instances must not become one.
func TestInstanceIsNotCleaned(t *testing.T) {
	for _, instance := range []string{evil, strings.Repeat("x", maxInstance+1)} {
		text, err := json.Marshal(instance)
		if err != nil {
			t.Fatal(err)
		}
		_, err = Decode([]byte(`{"camera":"a","instance":` + string(text) + `,"state":"live","format":"jpeg"}`))
		if err == nil || !printable.Is(err.Error()) || len(err.Error()) > 300 {
			t.Errorf("%q: %v", instance, err)
		}
	}
}

// TestErrorsArePrintable: an error may quote the document, but not its control characters.
func TestErrorsArePrintable(t *testing.T) {
	text, err := json.Marshal(evil + strings.Repeat("x", 5000))
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"camera", "state", "format", "since", "started", "fps"} {
		doc := `{"camera":"a","instance":"1","state":"live","format":"jpeg","` + member + `":` + string(text) + `}`
		if _, err := Decode([]byte(doc)); err == nil || !printable.Is(err.Error()) || len(err.Error()) > 2*maxReason {
			t.Errorf("%s: %v", member, err)
		}
	}
}

// fill sets all texts within v.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	}
}

// each calls f with all texts within v.
func each(v reflect.Value, f func(string)) {
	switch v.Kind() {
	case reflect.String:
		f(v.String())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				each(v.Field(i), f)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), f)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			f(key.String())
		}
	}
}
