// Package password hashes passwords, checks them, and decides which new passwords are good enough.
// How often a client may guess belongs to package throttle.
package password

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/bramble-cam/bramble/internal/secret"
)

// Lengths of passwords: the least in characters, the most in bytes.
const (
	minLength = 10
	maxLength = 1024
)

// Validate returns nil if a user with these names may choose the password.
// Passwords that were chosen earlier remain valid.
func Validate(password secret.Text, names ...string) error {
	switch text := password.Reveal(); {
	case !utf8.ValidString(text):
		return errors.New("the password is not in UTF-8")
	case utf8.RuneCountInString(text) < minLength:
		return fmt.Errorf("the password is too short: choose at least %d characters, for example several words", minLength)
	case len(text) > maxLength:
		return fmt.Errorf("the password is too long: choose at most %d bytes", maxLength)
	default:
		return checkWeak(text, names...)
	}
}
