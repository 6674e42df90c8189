package certs

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// made makes a certificate and returns a Pair of its files.
func made(t *testing.T, valid time.Duration) (r *fixture, o SelfSignedParams) {
	t.Helper()
	dir := t.TempDir()
	o = SelfSignedParams{
		Cert:  filepath.Join(dir, "hub.pem"),
		Key:   filepath.Join(dir, "hub.key"),
		Names: []string{"hub.example.org", "192.0.2.7"},
		Valid: valid,
	}
	if _, _, err := WriteSelfSigned(o); err != nil {
		t.Fatal(err)
	}
	r = &fixture{t: t}
	pair, err := Load(o.Cert, o.Key, slog.New(slog.NewTextHandler(&r.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	r.pair = pair
	return r, o
}

// A certificate made here is renewed before it expires, repeatedly, with the same key and the same validity.
func TestRenew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const valid = 825 * 24 * time.Hour
		r, _ := made(t, valid)
		fingerprint, renewals := r.pair.Fingerprint(), 0
		for range 5 * 825 / 3 {
			<-time.After(3 * 24 * time.Hour)
			cert, err := r.pair.Config().GetCertificate(nil)
			if err != nil || time.Now().After(cert.Leaf.NotAfter) || tlstrust.Fingerprint(cert.Leaf) != fingerprint {
				t.Fatalf("%v is shown, %v", cert.Leaf, err)
			}
			if life := cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore); life != valid+backdate {
				t.Fatalf("it is good for %v", life)
			}
			if cert.Leaf.VerifyHostname("hub.example.org") != nil || cert.Leaf.VerifyHostname("192.0.2.7") != nil ||
				renewals > 0 && cert.Leaf.VerifyHostname("localhost") != nil {
				t.Fatalf("it is for %v, %v", cert.Leaf.DNSNames, cert.Leaf.IPAddresses)
			}
			if said := r.log.took(); strings.Contains(said, "level=WARN") {
				t.Fatalf("said %s", said)
			} else if strings.Contains(said, "renewed") {
				renewals++
				if !strings.Contains(said, Sum(cert.Leaf)) || !strings.Contains(said, "same_key=true") ||
					len(cert.Leaf.DNSNames) > 5 {
					t.Errorf("said %s", said)
				}
			}
		}
		if renewals != 5 {
			t.Errorf("%d renewals in 4125 days", renewals)
		}
	})
}

// A certificate that cannot be renewed, or was not made here, stays. Its expiry is logged once a day.
func TestRenewNot(t *testing.T) {
	for name, test := range map[string]struct {
		setUp func(t *testing.T) (*fixture, string)
		says  string
	}{
		"not writable": {func(t *testing.T) (*fixture, string) {
			r, o := made(t, year)
			if err := os.Rename(filepath.Dir(o.Cert), filepath.Dir(o.Cert)+".away"); err != nil {
				// root may write everywhere else
				t.Fatal(err)
			}
			testutil.WriteFile(t, filepath.Dir(o.Cert), nil)
			return r, ""
		}, "cannot be renewed"},
		"signed by another authority": {func(t *testing.T) (*fixture, string) {
			c := testutil.NewCert(t, nil, nil)
			return newFixture(t, c), c.CertFile
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, file := test.setUp(t)
				var before []byte
				if file != "" {
					before, _ = os.ReadFile(file) // compared below
				}
				old := r.pair.Fingerprint()
				<-time.After(time.Until(r.pair.current.Load().Leaf.NotAfter) + time.Hour)
				r.log.took()
				for range 4 {
					<-time.After(time.Minute)
					if _, err := r.pair.Config().GetCertificate(nil); err != nil {
						t.Fatal(err)
					}
				}
				said := r.log.took()
				if strings.Count(said, "has expired") != 1 || !strings.Contains(said, test.says) ||
					strings.Count(said, "cannot be renewed") > 1 ||
					r.pair.Fingerprint() != old {
					t.Errorf("said %s", said)
				}
				if after, _ := os.ReadFile(file); !slices.Equal(after, before) {
					t.Error("the file has changed")
				}
			})
		})
	}
}

// Files that belong together stay. Others are made.
func TestEnsure(t *testing.T) {
	foreign := testutil.NewCert(t, testutil.Authority(t), nil)
	got, isNew, err := Ensure(SelfSignedParams{Cert: foreign.CertFile, Key: foreign.KeyFile, Valid: time.Hour})
	if err != nil || isNew || !got.Equal(foreign.Leaf) {
		t.Errorf("%v, %v, %v", got, isNew, err)
	}
	dir := t.TempDir()
	o := SelfSignedParams{
		Cert:  filepath.Join(dir, "hub.pem"),
		Key:   filepath.Join(dir, "hub.key"),
		Names: []string{"hub"},
		Valid: time.Hour,
	}
	first, isNew, err := Ensure(o)
	if err != nil || !isNew {
		t.Fatalf("%v, %v", isNew, err)
	}
	if second, isNew, err := Ensure(o); err != nil || isNew || !second.Equal(first) {
		t.Errorf("%v, %v", isNew, err)
	}
	if err := os.Remove(o.Cert); err != nil {
		t.Fatal(err)
	}
	if third, isNew, err := Ensure(o); err != nil || !isNew || tlstrust.Fingerprint(third) != tlstrust.Fingerprint(first) {
		t.Errorf("the key is another: %v, %v", isNew, err)
	}
}
