package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/bramble-cam/bramble/internal/secret"
)

// Sizes of new hashes in bytes.
const (
	saltLen = 16
	keyLen  = 32
)

// Bounds of the parameters in a hash. A file beyond them is a mistake, or an attack on the hub's memory.
const (
	maxMemory = 256 * 1024 // KiB
	maxPasses = 16
	maxLanes  = 16
	maxBytes  = 128 // of salt and of key
)

// Params are the parameters of argon2id. A hash names its own, so that the defaults can be raised.
type Params struct {
	Memory uint32 // KiB
	Passes uint32
	Lanes  uint8
}

// DefaultParams returns the first choice of OWASP's Password Storage Cheat Sheet.
func DefaultParams() Params { return Params{Memory: 19 * 1024, Passes: 2, Lanes: 1} }

// Hash returns the hash of a password with the default parameters, in the PHC string format.
func Hash(password secret.Text) string { return DefaultParams().Hash(password) }

// Hash returns the hash of a password in the PHC string format.
func (p Params) Hash(password secret.Text) string {
	h := phc{Params: p, salt: make([]byte, saltLen), key: make([]byte, keyLen)}
	_, _ = rand.Read(h.salt) // never fails
	h.key = h.derive(password)
	return h.String()
}

// ValidateHash refuses texts that are no hash, and hashes with parameters out of bounds.
func ValidateHash(text string) error {
	_, err := parseHash(text)
	return err
}

// phc is a password hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
type phc struct {
	Params
	salt, key []byte
}

func (h phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.Memory, h.Passes, h.Lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

func parseHash(text string) (h phc, err error) {
	wrong := errors.New("the hash is not argon2id: set the password again with \"bramble-hub user passwd\"")
	parts := strings.Split(text, "$")
	if len(text) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" ||
		parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, wrong
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.Memory, &h.Passes, &h.Lanes); n != 3 || err != nil {
		return h, wrong
	}
	if !h.inBounds() {
		return h, fmt.Errorf("%w (its parameters m=%d, t=%d, p=%d are out of bounds)", wrong, h.Memory, h.Passes, h.Lanes)
	}
	b64 := base64.RawStdEncoding.Strict()
	if h.salt, err = b64.DecodeString(parts[4]); err != nil || len(h.salt) < 8 || len(h.salt) > maxBytes {
		return h, wrong
	}
	if h.key, err = b64.DecodeString(parts[5]); err != nil || len(h.key) < 16 || len(h.key) > maxBytes {
		return h, wrong
	}
	return h, nil
}

func (p Params) inBounds() bool {
	return p.Memory >= 8*uint32(p.Lanes) && p.Memory <= maxMemory &&
		p.Passes >= 1 && p.Passes <= maxPasses && p.Lanes >= 1 && p.Lanes <= maxLanes
}

func (h phc) derive(password secret.Text) []byte {
	keyLen := uint32(len(h.key)) //nolint:gosec // at most maxBytes
	return argon2.IDKey([]byte(password.Reveal()), h.salt, h.Passes, h.Memory, h.Lanes, keyLen)
}

// matches reports whether the password of an existing user is right. It takes the same time if there is no user.
func matches(hash string, exists bool, password secret.Text) bool {
	h, err := parseHash(hash)
	if !exists || err != nil || len(password.Reveal()) > maxLength {
		h = phc{Params: DefaultParams(), salt: make([]byte, saltLen), key: make([]byte, keyLen)}
		exists, password = false, "placeholder"
	}
	return subtle.ConstantTimeCompare(h.derive(password), h.key) == 1 && exists
}
