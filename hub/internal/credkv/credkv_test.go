package credkv

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines is a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// system is a NATS server. One account has JetStream, the account of the frames has none.
type system struct {
	t    *testing.T
	conf string
	port int // 0: any free one
	s    *server.Server
	hub  credential.Credential
}

func newSystem(t *testing.T) *system {
	t.Helper()
	c, err := credential.New()
	must(t, err)
	sys := &system{t: t, hub: c, conf: filepath.Join(t.TempDir(), "nats.conf")}
	testutil.WriteFile(t, sys.conf, fmt.Appendf(nil, `
		jetstream { store_dir: %q, max_file_store: 64MB, max_memory_store: 1MB }
		accounts { HUBS: { jetstream: enabled, users: [{nkey: %s}] } }`, t.TempDir(), c.Public()))
	sys.start()
	sys.port = testutil.Port(t, sys.s)
	return sys
}

func (s *system) start() {
	s.t.Helper()
	opts, err := server.ProcessConfigFile(s.conf) // again, because a server keeps its accounts in it
	must(s.t, err)
	opts.Port = s.port
	s.s = testutil.StartServer(s.t, *opts)
}

func (s *system) stop() { testutil.StopServer(s.s) }

// host is a host with a hub that follows the bucket.
type host struct {
	t   *testing.T
	cfg Config
	log *lines
}

func (s *system) host() *host {
	s.t.Helper()
	h := &host{t: s.t, log: &lines{}}
	h.cfg = Config{
		URL: s.s.ClientURL(), Bucket: "HUBS", Credential: s.hub, File: filepath.Join(s.t.TempDir(), "credentials.json"),
		Log: slog.New(slog.NewTextHandler(io.MultiWriter(h.log, testutil.SecretLog{}), nil)),
	}
	return h
}

func (h *host) open() *Bucket {
	h.t.Helper()
	b, err := Open(h.cfg, false)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(b.Close)
	return b
}

func (h *host) run() (stop func()) {
	h.t.Helper()
	b, err := Open(h.cfg, true)
	if err != nil {
		h.t.Fatal(err)
	}
	stop = testutil.Run(h.t, b.Run)
	h.t.Cleanup(b.Close)
	return stop
}

func (h *host) users() (names []string) {
	h.t.Helper()
	book, err := credstore.Load(h.cfg.File)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, u := range book.Users() {
		names = append(names, u.Name)
	}
	return names
}

func (h *host) has(want ...string) {
	h.t.Helper()
	testutil.Eventually(h.t, fmt.Sprintf("the users are %v", want), func() bool {
		return fmt.Sprint(h.users()) == fmt.Sprint(want)
	})
}

func add(name string) func(*credstore.File) error {
	return func(d *credstore.File) error {
		return d.AddUser(name, permission.Viewer, []string{"*"}, secret.Text("correct horse battery staple"))
	}
}

func remove(name string) func(*credstore.File) error {
	return func(d *credstore.File) error { return d.RemoveUser(name) }
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A change at one hub reaches the other hub, even if NATS or that hub was down.
func TestFollow(t *testing.T) {
	sys := newSystem(t)
	a, b := sys.host(), sys.host()
	must(t, a.open().Push(t.Context(), 1, false))
	must(t, a.open().Edit(t.Context(), add("anna")))
	a.has("anna")
	b.run()
	b.has("anna")
	must(t, a.open().Edit(t.Context(), add("otto")))
	b.has("anna", "otto")
	must(t, b.open().Edit(t.Context(), remove("anna")))
	stop := a.run()
	a.has("otto")
	stop()

	sys.stop()
	if _, err := Open(a.cfg, false); err == nil {
		t.Error("NATS is away, and the log does not say so")
	}
	b.has("otto")
	a.run() // waits
	sys.start()
	must(t, b.open().Edit(t.Context(), add("root")))
	a.has("otto", "root")
	b.has("otto", "root")
}

// Hubs that change the credentials at the same time lose nothing.
func TestEditsAtOnce(t *testing.T) {
	sys := newSystem(t)
	first := sys.host()
	must(t, first.open().Push(t.Context(), 1, false))
	var all sync.WaitGroup
	var hosts []*host
	for i := range 4 {
		h := sys.host()
		b := h.open()
		hosts = append(hosts, h)
		all.Go(func() {
			for j := range 3 {
				if err := b.Edit(t.Context(), add(fmt.Sprintf("user%d-%d", i, j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, h := range hosts {
		h.run()
		testutil.Eventually(t, "all users are there", func() bool { return len(h.users()) == 12 })
	}
}

// Older, broken or missing credentials are not installed, and are logged once.
func TestBadEntries(t *testing.T) {
	sys := newSystem(t)
	a, b := sys.host(), sys.host()
	bucket := a.open()
	must(t, bucket.Push(t.Context(), 1, false))
	must(t, bucket.Edit(t.Context(), add("anna")))
	old, err := bucket.Get(t.Context())
	must(t, err)
	must(t, bucket.Edit(t.Context(), add("otto")))
	b.run()
	b.has("anna", "otto")
	kv, err := bucket.js.KeyValue(t.Context(), "HUBS")
	must(t, err)
	rollback, err := old.File.Encode()
	must(t, err)
	diverged, err := credstore.Read(a.cfg.File)
	must(t, err)
	must(t, diverged.RemoveUser("otto")) // at the same revision
	other, err := diverged.Encode()
	must(t, err)
	for what, data := range map[string][]byte{
		"older": rollback, "both changed": other, "no JSON": []byte("x"), "nothing": {},
		"no credentials": []byte(`{"version": 1}`),
	} {
		said := b.log.count("were not installed")
		for range 3 {
			_, err = kv.Put(t.Context(), key, data)
			must(t, err)
		}
		testutil.Eventually(t, what+": it is said", func() bool { return b.log.count("were not installed") == said+1 })
		b.has("anna", "otto")
	}
	must(t, kv.Delete(t.Context(), key))
	testutil.Eventually(t, "it is said", func() bool { return b.log.count(ErrEmpty.Error()[:20]) > 0 })
	b.has("anna", "otto")
	must(t, a.open().Edit(t.Context(), remove("anna")))
	b.has("otto")
}

// The next edit does not lose a change of one host only, or a bucket restored from an old copy.
// The operator has to choose.
func TestDiverged(t *testing.T) {
	sys := newSystem(t)
	a, b := sys.host(), sys.host()
	must(t, a.open().Push(t.Context(), 1, false))
	must(t, a.open().Edit(t.Context(), add("anna")))
	b.run()
	b.has("anna")
	must(t, credstore.Edit(a.cfg.File, add("local")))
	if err := a.open().Edit(t.Context(), add("otto")); err == nil || !strings.Contains(err.Error(), "push --force") {
		t.Errorf("%v", err)
	}
	if _, err := a.open().Pull(t.Context(), false); !errors.Is(err, credstore.ErrOlder) {
		t.Errorf("%v", err)
	}
	must(t, a.open().Push(t.Context(), 1, false)) // is newer
	b.has("anna", "local")
	must(t, a.open().Edit(t.Context(), remove("local")))
	b.has("anna")
	must(t, credstore.Edit(b.cfg.File, add("mine"))) // a revision that the bucket has, too
	must(t, a.open().Edit(t.Context(), add("otto")))
	testutil.Eventually(t, "it is said", func() bool { return b.log.count(credstore.ErrDiverged.Error()) == 1 })
	b.has("anna", "mine")
	must(t, a.open().Edit(t.Context(), func(d *credstore.File) error { d.RenewLinkKey(); return nil })) // is newer
	b.has("anna", "otto")

	must(t, credstore.Edit(b.cfg.File, remove("otto")))
	must(t, a.open().Edit(t.Context(), add("root")))
	if err := b.open().Push(t.Context(), 1, false); err == nil || !strings.Contains(err.Error(), "force") {
		t.Errorf("%v", err)
	}
	must(t, b.open().Push(t.Context(), 1, true))
	a.run()
	a.has("anna")
	changed, err := a.open().Pull(t.Context(), true)
	if changed || err != nil {
		t.Errorf("%v, %v", changed, err)
	}
}

// A command that cannot use the bucket names the remedy and changes nothing.
func TestCannot(t *testing.T) {
	sys := newSystem(t)
	h := sys.host()
	if err := h.open().Edit(t.Context(), add("anna")); !errors.Is(err, jetstream.ErrBucketNotFound) ||
		!strings.Contains(err.Error(), "credentials push") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(h.cfg.File); err == nil {
		t.Error("the file was made all the same")
	}
	frames := h.cfg
	frames.Credential = credential.Credential{}
	b, err := Open(frames, false)
	if err == nil {
		defer b.Close()
		_, err = b.Get(t.Context())
	}
	if bucketErr := new(BucketError); !errors.As(err, &bucketErr) {
		t.Errorf("in an account without JetStream: %v", err)
	}
	must(t, h.open().Push(t.Context(), 1, false))
	if err := h.open().Edit(t.Context(), remove("unknown")); err == nil {
		t.Error("an edit that fails")
	}
}
