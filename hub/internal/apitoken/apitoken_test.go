package apitoken_test

import (
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/apitoken"
	"github.com/bramble-cam/bramble/internal/secret"
)

func FuzzParse(f *testing.F) {
	id, sum, text := apitoken.New()
	if err := apitoken.Validate(id, sum); err != nil {
		f.Fatal(err)
	}
	f.Add(text.Reveal())
	for _, s := range []string{
		"", "bt_", "bt__", "bt_aaaaaaaa_", "bt_aaaaaaaa_" + strings.Repeat("a", 52),
		"BT_AAAAAAAA_" + strings.Repeat("A", 52), "bt_aaaaaaaa_" + strings.Repeat("a", 53),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, given string) {
		id, proof, err := apitoken.Parse(secret.Text(given))
		if err == nil && "bt_"+id+"_"+proof.Reveal() != given {
			t.Errorf("%q is read as %q and %q", given, id, proof.Reveal())
		}
		if (err == nil && apitoken.Matches(proof, sum)) != (given == text.Reveal()) &&
			!strings.HasSuffix(given, text.Reveal()[11:]) {
			t.Errorf("%q matches", given)
		}
	})
}
