package access

import (
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/secret"
)

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
			"wrong but long enough", "пароль длинный очень", "dragon monkey football sunshine river", "Annabelle went to Paris"},
	} {
		for _, password := range list {
			err := ValidatePassword(secret.Text(password), "annabelle")
			if (err == nil) != (says == "") || err != nil && (!strings.Contains(err.Error(), says) ||
				!strings.Contains(err.Error(), "choose") || strings.Contains(err.Error(), password)) {
				t.Errorf("%q: %v, want %q", password, err, says)
			}
		}
	}
}

// A password that was accepted earlier remains valid.
func TestOldPasswordsStay(t *testing.T) {
	c := newCast(t)
	edit(t, c.file, func(d *File) error {
		d.Users[0].Hash = hashPassword("1234567890")
		return nil
	})
	d := NewAuthenticator(c.keeper(t), testLog())
	if _, err := d.Password(t.Context(), home, "anna", "1234567890"); err != nil {
		t.Error(err)
	}
	edit(t, c.file, func(d *File) error {
		if err := d.SetPassword("anna", "anna's anna"); err == nil || !strings.Contains(err.Error(), "name of the user") {
			t.Errorf("%v", err)
		}
		return nil
	})
}
