// Package apitoken makes, parses and verifies the text of API tokens: bt_ID_PROOF.
// The ID names the token. The proof holds 256 random bits, so that its plain SHA-256 can be kept.
// The owner of a token and its expiry belong to package auth.
package apitoken

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"

	"github.com/bramble-cam/bramble/internal/secret"
)

var (
	pattern   = regexp.MustCompile(`^bt_([a-z2-7]{8})_([a-z2-7]{52})$`)
	idPattern = regexp.MustCompile(`^[a-z2-7]{8}$`)
)

// New returns a new token: its id, the sum to keep, and its text, which is shown once.
func New() (id, sum string, text secret.Text) {
	letters := base32.StdEncoding.WithPadding(base32.NoPadding)
	name, random := make([]byte, 5), make([]byte, 32)
	_, _ = rand.Read(name) // never fails
	_, _ = rand.Read(random)
	id = strings.ToLower(letters.EncodeToString(name))
	proof := strings.ToLower(letters.EncodeToString(random))
	return id, sumOf(secret.Text(proof)), secret.Text("bt_" + id + "_" + proof)
}

// Parse splits the text of a token.
func Parse(text secret.Text) (id string, proof secret.Text, err error) {
	m := pattern.FindStringSubmatch(text.Reveal())
	if m == nil {
		return "", "", errors.New("not an API token: it looks like bt_ID_SECRET, as \"bramble-hub token add\" prints it")
	}
	return m[1], secret.Text(m[2]), nil
}

// Matches reports whether a proof belongs to a sum from New. It takes the same time for all sums of that length.
func Matches(proof secret.Text, sum string) bool {
	return subtle.ConstantTimeCompare([]byte(sumOf(proof)), []byte(sum)) == 1
}

func sumOf(proof secret.Text) string {
	sum := sha256.Sum256([]byte(proof.Reveal()))
	return hex.EncodeToString(sum[:])
}

// Validate refuses an id or a sum that New does not return.
func Validate(id, sum string) error {
	if !idPattern.MatchString(id) {
		return errors.New("the id should be 8 of a-z and 2-7")
	}
	if raw, err := hex.DecodeString(sum); err != nil || len(raw) != sha256.Size {
		return errors.New("sha256 should be 64 hexadecimal digits")
	}
	return nil
}
