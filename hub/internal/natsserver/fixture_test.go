package natsserver

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// fixture is a server with a credentials file.
type fixture struct {
	*Server
	file  string
	store *credstore.Store
}

// edit changes the credentials file.
func (s fixture) edit(t *testing.T, change func(*credstore.File) error) {
	t.Helper()
	if err := credstore.Edit(s.file, change); err != nil {
		t.Fatal(err)
	}
}

// credentials makes an agent of porch, one of garden and of lab-1, a consumer of porch and lab-*, and one of
// everything.
type credentials struct{ porch, garden, consumer, all credential.Credential }

func newFile(t *testing.T) (file string, c credentials) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "credentials.json")
	err := credstore.Edit(file, func(d *credstore.File) (err error) {
		for name, make := range map[*credential.Credential]func() (credential.Credential, error){
			&c.porch:    func() (credential.Credential, error) { return d.AddAgent("porch", []string{"porch"}) },
			&c.garden:   func() (credential.Credential, error) { return d.AddAgent("garden", []string{"garden", "lab-1"}) },
			&c.consumer: func() (credential.Credential, error) { return d.AddConsumer("detector", []string{"porch", "lab-*"}) },
			&c.all:      func() (credential.Credential, error) { return d.AddConsumer("archive", []string{"*"}) },
		} {
			if *name, err = make(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return file, c
}

// guarded starts a server that asks, and all that belongs to it.
func guarded(t *testing.T, cfg Config, file string) fixture {
	t.Helper()
	if cfg.Log == nil {
		cfg.Log = testutil.Log(t)
	}
	store, err := credstore.Open(file, cfg.Log)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = store
	if cfg.Addr == "" {
		cfg.Addr = anyPort
	}
	s := start(t, cfg)
	testutil.Run(t, s.Run)
	testutil.Run(t, store.Run)
	return fixture{s, file, store}
}

// party is a connection, with what the server has said against it.
type party struct {
	*nats.Conn
	mu     sync.Mutex
	denied []string // guarded by mu
	lost   chan struct{}
}

func (s fixture) connect(t *testing.T, options ...nats.Option) (*party, error) {
	t.Helper()
	p := &party{lost: make(chan struct{})}
	closed := make(chan struct{})
	options = append(options, nats.NoReconnect(), nats.MaxReconnects(0),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { close(p.lost) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.denied = append(p.denied, err.Error())
		}))
	var err error
	if p.Conn, err = nats.Connect(s.URL(), options...); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		p.Close()
		<-closed
	})
	return p, nil
}

func (s fixture) mustConnect(t *testing.T, c credential.Credential) *party {
	t.Helper()
	return s.mustConnectWith(t, c.Options())
}

// mustConnectAgent connects as an agent does.
func (s fixture) mustConnectAgent(t *testing.T, c credential.Credential) *party {
	t.Helper()
	return s.mustConnectWith(t, c.AgentOptions())
}

func (s fixture) mustConnectWith(t *testing.T, options []nats.Option) *party {
	t.Helper()
	p, err := s.connect(t, options...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refused reports whether the server has said that a subject is not allowed. It knows all that the party has done
// before: the server's errors come in order, and so it waits for one that is sure to come.
func (p *party) refused(t *testing.T, subj string) bool {
	t.Helper()
	last := "certainly.not." + nuid.Next()
	if err := p.Publish(last, nil); err != nil {
		t.Fatal(err)
	}
	testutil.Eventually(t, "the server's errors are here", func() bool { return p.wasDenied(last) })
	return p.wasDenied(subj)
}

func (p *party) wasDenied(subj string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.denied, func(said string) bool { return strings.Contains(said, `"`+subj+`"`) })
}

// closing makes a channel that is closed one that can be received from.
func closing(c <-chan struct{}) <-chan bool {
	got := make(chan bool, 1)
	go func() {
		<-c
		got <- true
	}()
	return got
}
