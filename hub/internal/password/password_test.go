package password

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/secret"
)

const rightPassword = "correct horse battery staple"

// Passwords that attackers try first are refused with the reason. Other passwords are accepted.
func TestWeakPasswords(t *testing.T) {
	for says, list := range map[string][]string{
		"too short": {"brief", "123456789"},
		"too few": {"aaaaaaaaaa", "          ", "abcabcabcabc", "1212121212", "aaaaabbbbbcc", "0000000000",
			"\t\t\t\t\t\t\t\t\t\t"},
		"repeats": {"passwordpassword", "porchporchporch", "garden12garden12", "PassWordpassword"},
		"rows of keys": {"1234567890", "0987654321", "qwertyuiop", "QWERTZUIOP", "qwerty123456", "1q2w3e4r5t6y",
			"1qaz2wsx3edc", "abcdefghij", "zyxwvutsrq", "asdfghjkl1", "qwertyuiop!"},
		"name of": {"annabelle1", "Annabelle!!", "annabelle2024"},
		"a common word": {"password12", "Passw0rd123!", "P@ssw0rd2024", "administrator", "adminadmin12", "iloveyou123",
			"Welcome2024!", "letmein1234", "raspberrypi", "raspberry1!", "bramble2026", "camerahub12", "superman2020",
			"footballpassword"},
		"": {rightPassword, "tr0ub4dor&3 and more", "gone with the wind", "x7Kq!mP2vz", "savanna sunrise lily",
			"wrong but long enough", "пароль длинный очень", "dragon monkey football sunshine river",
			"Annabelle went to Paris"},
	} {
		for _, password := range list {
			err := Validate(secret.Text(password), "annabelle")
			if (err == nil) != (says == "") || err != nil && (!strings.Contains(err.Error(), says) ||
				!strings.Contains(err.Error(), "choose") || strings.Contains(err.Error(), password)) {
				t.Errorf("%q: %v, want %q", password, err, says)
			}
		}
	}
}

func TestPassword(t *testing.T) {
	hash := Hash(rightPassword)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || hash == Hash(rightPassword) {
		t.Errorf("hash %s", hash)
	}
	h, err := parseHash(hash)
	if err != nil || h.String() != hash {
		t.Errorf("%v, %v", h, err)
	}
	v := NewVerifier()
	older := phc{Params: Params{Memory: 1024, Passes: 1, Lanes: 2}, salt: []byte("saltsalt"), key: make([]byte, 24)}
	older.key = older.derive(rightPassword)
	for name, test := range map[string]struct {
		hash     string
		exists   bool
		password secret.Text
		want     bool
	}{
		"right": {hash, true, rightPassword, true}, "wrong": {hash, true, rightPassword + "x", false},
		"empty":        {hash, true, "", false},
		"unknown user": {"", false, rightPassword, false}, "disabled": {hash, false, rightPassword, false},
		"long":             {hash, true, secret.Text(strings.Repeat("x", 2000)), false},
		"other parameters": {older.String(), true, rightPassword, true}, "without a user": {"", false, "placeholder", false},
	} {
		if got := v.Verify(test.hash, test.exists, test.password); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Only two are checked at a time, and only some may wait.
func TestVerifierIsBounded(t *testing.T) {
	v := NewVerifier()
	for range cap(v.slots) {
		if err := v.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2*maxQueued)
	for range 2 * maxQueued {
		go func() { ended <- v.Acquire(ctx) }()
	}
	for range maxQueued { // those that are too many do not wait
		if err := <-ended; !errors.Is(err, ErrBusy) {
			t.Fatal(err)
		}
	}
	v.Release()
	if err := <-ended; err != nil {
		t.Errorf("the turn of the next: %v", err)
	}
	cancel()
	for range maxQueued - 1 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
	}
}
