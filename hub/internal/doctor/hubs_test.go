package doctor

import (
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/hub/internal/credkv"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
	"github.com/bramble-cam/bramble/hub/internal/hubsync"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/subject"
)

// The credentials of this host are compared with those of the bucket, and with those of the hubs on NATS.
func TestCopies(t *testing.T) {
	url := testutil.StartServer(t, server.Options{JetStream: true, StoreDir: t.TempDir()}).ClientURL()
	theirs, mine := filepath.Join(t.TempDir(), "credentials.json"), filepath.Join(t.TempDir(), "credentials.json")
	change := func(file, name string) {
		t.Helper()
		err := credstore.Edit(
			file,
			func(d *credstore.File) error { _, err := d.AddAgent(name, []string{name}); return err },
		)
		if err != nil {
			t.Fatal(err)
		}
	}
	change(theirs, "porch")
	kv := credkv.Config{URL: url, Bucket: "HUBS", File: theirs, Log: testutil.Log(t)}
	look := func(wants ...want) {
		t.Helper()
		e := examine(t, Config{Credentials: mine, CredentialsKV: kv, Space: subject.Space{}})
		e.bucket(t.Context())
		nc := testutil.Connect(t, url)
		e.hubs(t.Context(), nc)
		compare(t, e.findings, true, wants...)
	}
	look(want{Fail, "bucket", "bucket not found", "credentials push"})
	b, err := credkv.Open(kv, false)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Push(t.Context(), 1, false); err != nil {
		t.Fatal(err)
	}
	d, err := credstore.Read(theirs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := credstore.Install(mine, d, false); err != nil {
		t.Fatal(err)
	}
	store, err := credstore.Open(theirs, testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	hub := hubsync.New(
		hubsync.Config{Conn: testutil.Connect(t, url), Credentials: store, Ended: endedsessions.Open(theirs, testutil.Log(t)),
			Version: "1.2.0", Log: testutil.Log(t)},
	)
	testutil.Run(t, hub.Run)
	look(want{OK, "bucket", "same credentials", ""}, want{OK, "hubs", "1 on this NATS system", ""})
	change(mine, "garden")
	look(want{Warn, "bucket", "HUBS has revision 1", "status"}, want{Warn, "hubs", "older", hubsync.Remedy})
}
