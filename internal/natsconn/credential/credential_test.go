package credential

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"github.com/bramble-cam/bramble/internal/secret"
)

func make1(t *testing.T) Credential {
	t.Helper()
	c, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNew(t *testing.T) {
	one, two := make1(t), make1(t)
	if one.Public() == two.Public() || !nkeys.IsValidPublicUserKey(one.Public()) || one.IsZero() ||
		!(Credential{}).IsZero() {
		t.Errorf("%v and %v", one, two)
	}
	again, err := Parse("  " + one.Seed() + "\n")
	if err != nil || again != one {
		t.Errorf("%v, %v", again, err)
	}
	for _, shown := range []string{fmt.Sprint(one), fmt.Sprintf("%+v %#v", one, one), one.LogValue().String()} {
		if strings.Contains(shown, one.Seed().Reveal()) {
			t.Errorf("shown: %s", shown)
		}
	}
	if (Credential{}).Options() != nil || (Credential{}).AgentOptions() != nil || len(one.Options()) != 2 ||
		len(one.AgentOptions()) != 2 {
		t.Error("a credential is two options, none is none")
	}
}

// The signature is what the server checks.
func TestSign(t *testing.T) {
	c := make1(t)
	sig, err := c.sign([]byte("nonce"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := nkeys.FromPublicKey(c.Public())
	if err != nil {
		t.Fatal(err)
	}
	if err := public.Verify([]byte("nonce"), sig); err != nil {
		t.Error(err)
	}
	if err := public.Verify([]byte("another"), sig); err == nil {
		t.Error("the signature of one nonce fits another")
	}
}

func TestParse(t *testing.T) {
	good := make1(t).Seed().Reveal()
	account, err := nkeys.CreateAccount()
	if err != nil {
		t.Fatal(err)
	}
	other, err := account.Seed()
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]string{
		"nothing": "", "a word": "secret", "cut": good[:len(good)-1], "changed": good[:20] + "AAAA" + good[24:],
		"two": good + " " + good, "of an account": string(other),
	} {
		c, err := Parse(secret.Text(bad))
		if err == nil || !c.IsZero() || !strings.Contains(err.Error(), "agent add") ||
			(len(bad) > 20 && strings.Contains(err.Error(), bad)) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}

func TestReadFile(t *testing.T) {
	c := make1(t)
	seed := c.Seed().Reveal()
	for name, test := range map[string]struct {
		text string
		mode os.FileMode
		says string // "" means that it is read
	}{
		"plain":         {seed, 0o600, ""},
		"with comments": {"# of the porch\n\n" + seed + "\n", 0o400, ""},
		"readable":      {seed, 0o640, "chmod 600"},
		"by the world":  {seed, 0o604, "chmod 600"},
		"empty":         {"", 0o600, "0 lines"},
		"two":           {seed + "\n" + seed, 0o600, "2 lines"},
		"large":         {strings.Repeat("#", 5000), 0o600, "larger than"},
		"nonsense":      {"hello", 0o600, "not a credential"},
	} {
		path := filepath.Join(t.TempDir(), "credential")
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, test.mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
		got, err := ReadFile(path)
		if test.says == "" {
			if err != nil || got != c {
				t.Errorf("%s: %v, %v", name, got, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) ||
			strings.Contains(err.Error(), seed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "hub")
	if err := os.WriteFile(path, []byte(seed), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o440); err != nil { // as systemd leaves it
		t.Fatal(err)
	}
	if _, err := ReadFile(path); err == nil {
		t.Error("the group may read it")
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir+"/")
	if got, err := ReadFile(path); err != nil || got != c {
		t.Errorf("from systemd: %v, %v", got, err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // root could write it without
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("# as the unit has it\nnone\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadFile(path); err != nil || !got.IsZero() {
		t.Errorf("none: %v, %v", got, err)
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("no file: %v", err)
	}
}
