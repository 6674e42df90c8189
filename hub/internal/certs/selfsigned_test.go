package certs

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// A self-signed certificate can be served, is an authority for itself only, and keeps its key when it is renewed.
func TestMake(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	o := SelfSignedParams{Cert: filepath.Join(dir, "hub.pem"), Key: filepath.Join(dir, "hub.key"),
		Names: []string{"hub.example.org", "192.0.2.7", "::1"}, Valid: time.Hour}
	first, isNew, err := WriteSelfSigned(o)
	if err != nil || !isNew {
		t.Fatal(isNew, err)
	}
	for _, file := range []string{o.Cert, o.Key} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(first)
	for name, good := range map[string]bool{"hub.example.org": true, "192.0.2.7": true, "::1": true, "example.org": false,
		"192.0.2.8": false} {
		if _, err := first.Verify(x509.VerifyOptions{DNSName: name, Roots: pool}); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
	if first.IsCA || first.KeyUsage&x509.KeyUsageCertSign != 0 {
		t.Error("it can sign for others")
	}
	again := func(o SelfSignedParams, sameKey bool) {
		t.Helper()
		next, isNew, err := WriteSelfSigned(o)
		if err != nil || isNew == sameKey || next.Equal(first) ||
			(tlstrust.Fingerprint(next) == tlstrust.Fingerprint(first)) != sameKey {
			t.Errorf("new key: %v, %v", isNew, err)
		}
		if p, err := Load(o.Cert, o.Key, testutil.Log(t)); err != nil || p.Fingerprint() != tlstrust.Fingerprint(next) {
			t.Errorf("it cannot be served: %v", err)
		}
	}
	again(o, true)
	o.NewKey = true
	again(o, false)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// root makes the files for a service that runs as another user. They belong to the owner of the existing file, or else
// of the folder.
func TestMakeForAService(t *testing.T) {
	dir := t.TempDir()
	service := os.Geteuid()
	if service == 0 {
		service = 65534
	}
	if err := os.Chown(dir, service, -1); err != nil {
		t.Fatal(err)
	}
	o := SelfSignedParams{Cert: filepath.Join(dir, "hub.pem"), Key: filepath.Join(dir, "hub.key"), Names: []string{"hub"},
		Valid: time.Hour}
	for range 2 {
		if _, _, err := WriteSelfSigned(o); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{o.Cert, o.Key} {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != service || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %+v, want the owner %d", name, owner, service)
			}
		}
	}
}

// A certificate of another origin stays as it is.
func TestMakeRefuses(t *testing.T) {
	foreign := testutil.NewCert(t, testutil.Authority(t), nil)
	junk := filepath.Join(t.TempDir(), "junk")
	testutil.WriteFile(t, junk, []byte("precious"))
	none := filepath.Join(t.TempDir(), "none")
	for name, test := range map[string]struct {
		cert, key string
		says      string
	}{
		"signed by an authority": {foreign.CertFile, none, "--tls-cert"},
		"no PEM":                 {junk, none, "--tls-cert"},
		"key is no PEM":          {none, junk, "--tls-key"},
		"key is a certificate":   {none, foreign.CertFile, "--new-key"},
	} {
		var before [2][]byte
		for i, file := range []string{test.cert, test.key} {
			before[i], _ = os.ReadFile(file) // it may not be there
		}
		_, _, err := WriteSelfSigned(SelfSignedParams{Cert: test.cert, Key: test.key, Valid: time.Hour})
		if err == nil || !strings.Contains(setting.Flags(err), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		for i, file := range []string{test.cert, test.key} {
			if after, _ := os.ReadFile(file); !slices.Equal(after, before[i]) {
				t.Errorf("%s: %s has changed", name, file)
			}
		}
	}
}

func TestHostNames(t *testing.T) {
	names, err := HostNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"localhost", "127.0.0.1", "::1"} {
		if !slices.Contains(names, want) {
			t.Errorf("%v lacks %s", names, want)
		}
	}
	if host, err := os.Hostname(); err == nil && names[0] != host && host != "localhost" {
		t.Errorf("%v does not begin with %s", names, host)
	}
}
