package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/secret"
)

// An API token is bt_ID_SECRET: 8 characters that name it and 52 that prove it, 256 bits by chance, so that a plain SHA-256 of them can be kept.
var (
	tokenPattern   = regexp.MustCompile(`^bt_([a-z2-7]{8})_([a-z2-7]{52})$`)
	tokenIDPattern = regexp.MustCompile(`^[a-z2-7]{8}$`)
)

// ParseToken splits an API token into its id and what proves it.
func ParseToken(text secret.Text) (id string, proof secret.Text, err error) {
	m := tokenPattern.FindStringSubmatch(text.Reveal())
	if m == nil {
		return "", "", errors.New("not an API token: it looks like bt_ID_SECRET, as \"bramble-hub token add\" prints it")
	}
	return m[1], secret.Text(m[2]), nil
}

// newToken makes a token and returns it with its text, which is shown once.
func newToken(t Token) (Token, secret.Text) {
	letters := base32.StdEncoding.WithPadding(base32.NoPadding)
	id, proof := make([]byte, 5), make([]byte, 32)
	_, _ = rand.Read(id) // never fails
	_, _ = rand.Read(proof)
	t.ID, t.Created = strings.ToLower(letters.EncodeToString(id)), time.Now().UTC().Truncate(time.Second)
	text := strings.ToLower(letters.EncodeToString(proof))
	t.SHA256 = tokenSum(secret.Text(text))
	return t, secret.Text("bt_" + t.ID + "_" + text)
}

func tokenSum(proof secret.Text) string {
	sum := sha256.Sum256([]byte(proof.Reveal()))
	return hex.EncodeToString(sum[:])
}

func (t Token) validate(users, ids map[string]bool) error {
	if !tokenIDPattern.MatchString(t.ID) {
		return errors.New("the id should be 8 of a-z and 2-7")
	}
	if ids[t.ID] {
		return errors.New("there is a second one with this id")
	}
	ids[t.ID] = true
	if !users[t.Owner] {
		return fmt.Errorf("it belongs to a user %q, who does not exist", printable.Short(t.Owner))
	}
	if sum, err := hex.DecodeString(t.SHA256); err != nil || len(sum) != sha256.Size {
		return errors.New("sha256 should be 64 hexadecimal digits")
	}
	return errors.Join(ValidateName(t.Name), t.validateNarrowing())
}

// token returns for whom a token speaks.
func (b *Snapshot) token(text secret.Text, now time.Time) (Principal, error) {
	id, proof, err := ParseToken(text)
	if err != nil {
		return Principal{}, err
	}
	t, known := b.tokens[id] // of an unknown one the sum is empty, and equal to none
	if subtle.ConstantTimeCompare([]byte(tokenSum(proof)), []byte(t.SHA256)) != 1 || !known {
		return Principal{}, errors.New("the token is not known, or was removed")
	}
	if !t.Expires.IsZero() && !now.Before(t.Expires) {
		return Principal{}, fmt.Errorf("the token expired at %s", t.Expires.Format(time.RFC3339))
	}
	u, ok := b.user(t.Owner)
	if !ok {
		return Principal{}, errors.New("the token's owner is disabled")
	}
	p := b.narrow(b.principal(u, MethodToken), t)
	p.token, p.expires = t.ID, t.Expires
	return p, nil
}
