package certs

import (
	"crypto/ecdsa"
	"crypto/x509"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// logCapture is a log.
type logCapture struct {
	mu   sync.Mutex
	text string // guarded by mu
}

func (h *logCapture) Write(line []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.text += string(line)
	return len(line), nil
}

// took returns what was said since it was called last.
func (h *logCapture) took() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := h.text
	h.text = ""
	return text
}

// fixture is a pair of files that a Pair follows, in a bubble whose clock the test moves.
type fixture struct {
	t    *testing.T
	pair *Pair
	log  logCapture
}

func newFixture(t *testing.T, c *testutil.Cert) *fixture {
	t.Helper()
	r := &fixture{t: t}
	pair, err := Load(c.CertFile, c.KeyFile, slog.New(slog.NewTextHandler(&r.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	r.pair = pair
	return r
}

// shows fails the test unless a client that connects now gets that certificate.
func (r *fixture) shows(want *testutil.Cert) {
	r.t.Helper()
	got, err := r.pair.Config().GetCertificate(nil)
	if err != nil || !got.Leaf.Equal(want.Leaf) {
		r.t.Fatalf("%v is shown, %v; want %v", got.Leaf.Subject, err, want.Leaf.Subject)
	}
}

// bubble is a test in fake time, which begins in the year 2000; certificates are good in it.
func bubble(t *testing.T, test func(t *testing.T, cert func(expires time.Duration) *testutil.Cert)) {
	synctest.Test(t, func(t *testing.T) {
		test(t, func(expires time.Duration) *testutil.Cert {
			return testutil.NewCert(t, nil, func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(expires)
			})
		})
	})
}

const year = 365 * 24 * time.Hour

// A new pair is used from the next connection on, at most a second late.
func TestReload(t *testing.T) {
	bubble(t, func(t *testing.T, cert func(time.Duration) *testutil.Cert) {
		first, second := cert(year), cert(year)
		old := *first
		r := newFixture(t, first)
		r.shows(&old)
		second.Install(t, first.CertFile, first.KeyFile)
		r.shows(&old) // the files are read at most once a second
		<-time.After(checkInterval)
		r.shows(second)
		if r.pair.Fingerprint() != tlstrust.Fingerprint(second.Leaf) {
			t.Error("the fingerprint is the old one")
		}
		if said := r.log.took(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "same_key=false") ||
			!strings.Contains(said, r.pair.Fingerprint()) {
			t.Errorf("said %s", said)
		}
		key, ok := second.PrivateKey.(*ecdsa.PrivateKey)
		if !ok {
			t.Fatal(second.PrivateKey)
		}
		third := testutil.CertFor(t, key, nil,
			func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now(), time.Now().Add(year) })
		third.Install(t, first.CertFile, first.KeyFile)
		<-time.After(checkInterval)
		r.shows(third)
		if said := r.log.took(); !strings.Contains(said, "same_key=true") {
			t.Errorf("said %s", said)
		}
		<-time.After(time.Hour)
		r.shows(third)
		if said := r.log.took(); said != "" {
			t.Errorf("nothing has changed, said %s", said)
		}
	})
}

// A new pair that cannot be used leaves the old one, is told once, and is taken over when it is put right.
func TestBroken(t *testing.T) {
	for name, hurt := range map[string]func(t *testing.T, cert, key string, next *testutil.Cert){
		"half a certificate": func(t *testing.T, cert, _ string, next *testutil.Cert) {
			data, err := os.ReadFile(next.CertFile)
			if err != nil {
				t.Fatal(err)
			}
			testutil.WriteFile(t, cert, data[:len(data)/2])
		},
		"only the certificate": func(t *testing.T, cert, _ string,
			next *testutil.Cert) {
			next.Install(t, cert, next.KeyFile)
		},
		"empty key": func(t *testing.T, _, key string, _ *testutil.Cert) { testutil.WriteFile(t, key, nil) },
		"no certificate": func(t *testing.T, cert, _ string, _ *testutil.Cert) {
			if err := os.Remove(cert); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, cert func(time.Duration) *testutil.Cert) {
				first, second := cert(year), cert(year)
				old := *first
				r := newFixture(t, first)
				hurt(t, first.CertFile, first.KeyFile, second)
				<-time.After(checkInterval)
				r.shows(&old)
				if said := r.log.took(); said != "" {
					t.Errorf("the file may not be complete yet; logged %s", said)
				}
				for range 5 {
					<-time.After(checkInterval)
					r.shows(&old)
				}
				if said := r.log.took(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "stays in use") ||
					!strings.Contains(said, "remedy=") || !strings.Contains(said, first.CertFile) {
					t.Errorf("said %s", said)
				}
				second.Install(t, first.CertFile, first.KeyFile)
				<-time.After(checkInterval)
				r.shows(second)
				if said := r.log.took(); !strings.Contains(said, "replaced") {
					t.Errorf("said %s", said)
				}
			})
		})
	}
}

// The end of a certificate is told before, and once a day.
func TestExpiry(t *testing.T) {
	bubble(t, func(t *testing.T, cert func(time.Duration) *testutil.Cert) {
		first := cert(30 * 24 * time.Hour)
		r := newFixture(t, first)
		days := map[string]int{}
		for day := range 33 {
			for range 4 {
				<-time.After(6 * time.Hour)
				r.shows(first)
			}
			switch said := r.log.took(); {
			case strings.Count(said, "\n") > 1:
				t.Errorf("day %d: said %s", day, said)
			case strings.Contains(said, "has expired"):
				days["expired"]++
			case strings.Contains(said, "expires soon"):
				days["soon"]++
			case said != "":
				t.Errorf("day %d: said %s", day, said)
			}
		}
		if days["soon"] < 7 || days["soon"] > 8 || days["expired"] < 2 { // a quarter of its life
			t.Errorf("told %v", days)
		}
	})
}

func TestLoadErrors(t *testing.T) {
	one, two := testutil.NewCert(t, nil, nil), testutil.NewCert(t, nil, nil)
	for name, files := range map[string][2]string{
		"no certificate": {one.CertFile + "2", one.KeyFile}, "no key": {one.CertFile, one.KeyFile + "2"},
		"another key": {one.CertFile, two.KeyFile}, "the wrong way round": {one.KeyFile, one.CertFile},
	} {
		if p, err := Load(files[0], files[1], testutil.Log(t)); p != nil || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
