package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nkeys"
)

func TestSecrets(t *testing.T) {
	user, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := user.Seed()
	if err != nil {
		t.Fatal(err)
	}
	public, err := user.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	signature := strings.Repeat("x_Y-9", 8) + "abc"
	for _, tc := range []struct{ name, line, want string }{
		{"nothing secret", `level=INFO msg="hub ready" page=http://hub.example.com/ at=` + time.Now().String(), ""},
		{"a public key", "agent " + public + " came", ""},
		{"a short number", "1.5.2", ""},
		{"a seed", "credential=" + string(seed), "NKey seed"},
		{"a token", "Bearer bt_abcdefgh_" + strings.Repeat("abcd", 13), "API token"},
		{"a link", "/cam/porch.jpeg?link=1799999999.jpeg-mjpeg." + signature, "signed link"},
		{"a cookie", "bramble_session=eyJ" + strings.Repeat("abc9", 12) + "." + signature, "session cookie"},
		{"a password", "user=anna password=correct horse battery staple", "password"},
		{"a hash", "$argon2id$v=19$m=19456", "hash of a password"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "1.log"), []byte("first\n"+tc.line+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			err := run([]string{dir}, &out)
			if (err != nil) != (tc.want != "") || !strings.Contains(out.String(), tc.want) {
				t.Errorf("error %v, printed %q, want %q", err, out.String(), tc.want)
			}
		})
	}
	if err := run([]string{t.TempDir()}, &strings.Builder{}); err == nil {
		t.Error("no log at all is taken for one without secrets")
	}
}
