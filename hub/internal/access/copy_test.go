package access

import (
	"errors"
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/internal/secret"
)

// TestCopyOfFile: the hashes in a copied credentials file do not work as passwords or tokens.
func TestCopyOfFile(t *testing.T) {
	c := newCast(t)
	var token Token
	edit(t, c.file, func(d *File) (err error) {
		var text secret.Text
		token, text, err = d.AddToken("root", "copied", 0)
		ledger.hide("token", text.Reveal())
		return err
	})
	b := load(t, c.file)
	d := NewAuthenticator(c.keeper(t), testLog())
	i := slices.IndexFunc(b.Users(), func(u User) bool { return u.Name == "anna" })
	hash := b.Users()[i].Hash
	if _, err := d.Password(t.Context(), "192.0.2.1", "anna", secret.Text(hash)); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("the hash as a password: %v", err)
	}
	for _, text := range []string{
		"bt_" + token.ID + "_" + token.SHA256, "bt_" + token.ID + "_" + token.SHA256[:52], token.SHA256,
	} {
		if _, err := d.Token("192.0.2.1", secret.Text(text)); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("the sum of a token as a token: %v", err)
		}
	}
}
