package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/hub/internal/doctor"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// doctor says as JSON what it finds with the hub's own settings, and fails if something does.
func TestDoctor(t *testing.T) {
	credentials := "--credentials=" + filepath.Join(t.TempDir(), "credentials.json")
	for _, test := range []struct {
		args []string
		code int
		fail string
	}{
		{[]string{"doctor", "--json", credentials, "--http=127.0.0.1:0", "--nats=127.0.0.1:0", "--ffmpeg=none-such"}, 0, ""},
		{[]string{"doctor", "--json", credentials, "--http=127.0.0.1:0", "--nats=127.0.0.1:0", "--ffmpeg=none-such",
			"--allow-origin=here"}, 1, "settings"},
		{[]string{"doctor", "--json", credentials, "--http=127.0.0.1:0", "--nats-url=nats://127.0.0.1:1",
			"--ffmpeg=none-such"}, 1, "NATS"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(test.args, nil, &stdout, &stderr)
		var list []doctor.Finding
		if err := json.Unmarshal(stdout.Bytes(), &list); err != nil || code != test.code || stderr.Len() > 0 ||
			len(list) < 7 {
			t.Errorf("%v: exit code %d, %v, %s%s", test.args, code, err, stdout.String(), stderr.String())
		}
		for _, f := range list {
			if (f.Level == doctor.Fail) != (f.Check == test.fail && f.Level != doctor.Warn) {
				t.Errorf("%v: %+v", test.args, f)
			}
		}
	}
}

// A hub with TLS runs. Its certificate is signed by no authority, and doctor trusts it.
func TestDoctorBesideTLS(t *testing.T) {
	c := testutil.NewCert(t, nil, nil)
	s := testutil.StartServer(t, server.Options{ServerName: "bramble-hub", MaxPayload: frame.MaxPayload, TLS: true,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{c.Certificate}, MinVersion: tls.VersionTLS12}})
	var stdout, stderr bytes.Buffer
	run([]string{"doctor", "--credentials=" + filepath.Join(t.TempDir(), "credentials.json"), "--http=127.0.0.1:0",
		"--nats=" + s.Addr().String(), "--nats-tls-cert=" + c.CertFile, "--nats-tls-key=" + c.KeyFile,
		"--ffmpeg=none-such"}, nil, &stdout, &stderr)
	if out := stdout.String(); strings.Contains(out, "FAIL") || !strings.Contains(out, "a hub runs at") {
		t.Errorf("doctor says\n%s%s", out, stderr.String())
	}
}
