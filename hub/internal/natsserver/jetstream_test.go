package natsserver

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestJetStreamOfFrames: JetStream in the account of the cameras is refused with the remedy.
// It does not matter whether the hub or the file authenticates clients.
func TestJetStreamOfFrames(t *testing.T) {
	file, c := newFile(t)
	store, err := credstore.Open(file, testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	jetStream := fmt.Sprintf("jetstream { store_dir: %q }\n", t.TempDir())
	hub := c.all.Public() // any key
	for name, test := range map[string]struct {
		conf string
		ok   bool
	}{
		"credentials file decides":  {jetStream, false},
		"users in the same account": {jetStream + "authorization { users: [ { nkey: " + hub + " } ] }", false},
		"all in the same account": {jetStream + "authorization { users: [ { user: all } ] }\nno_auth_user: all",
			false},
		"account of the hub": {jetStream + "accounts { A { jetstream: enabled, users: [ { nkey: " + hub +
			" } ] }, B {} }", false},
		"account of all": {jetStream +
			"accounts { A { jetstream: enabled, users: [ { user: all } ] }, B {} }\nno_auth_user: all", false},
		"account of its own": {jetStream + "accounts { A { users: [ { nkey: " + hub +
			" } ] }, B { jetstream: enabled } }", true},
		"credentials file, an account of its own": {jetStream + "accounts { B { jetstream: enabled } }", true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{Addr: anyPort, File: write(t, `server_name: "x"`+"\n"+test.conf), Credentials: store,
				Log: testutil.Log(t)}
			if !strings.Contains(test.conf, "no_auth_user") {
				cfg.Hub = hub
			}
			s, err := Start(cfg)
			if err == nil {
				s.Stop()
			}
			if test.ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "websocket-mqtt.conf") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestNoAuthUser: a file that admits every client is accepted at an address of this host only.
// Exceptions are a file that names the address, and --insecure.
func TestNoAuthUser(t *testing.T) {
	file, _ := newFile(t)
	store, err := credstore.Open(file, testutil.Log(t))
	if err != nil {
		t.Fatal(err)
	}
	const conf = "authorization { users: [ { user: all } ] }\nno_auth_user: all\n"
	for _, test := range []struct {
		addr, conf string
		insecure   bool
		ok         bool
	}{
		{anyPort, conf, false, true}, {"0.0.0.0:0", conf, false, false}, {"0.0.0.0:0", conf, true, true},
		{anyPort, conf + `listen: "0.0.0.0:-1"`, false, true},
	} {
		s, err := Start(
			Config{Addr: test.addr, File: write(t, test.conf), Credentials: store, Insecure: test.insecure,
				Log: testutil.Log(t)})
		if err == nil {
			s.Stop()
		}
		if test.ok != (err == nil) || err != nil && !strings.Contains(err.Error(), "no_auth_user") {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// TestShippedMQTTAccounts starts the shipped file: JetStream answers no client in the account of the cameras.
func TestShippedMQTTAccounts(t *testing.T) {
	data, err := os.ReadFile(shippedDir + "websocket-mqtt.conf")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "/var/lib/bramble-hub/nats", filepath.Join(t.TempDir(), "nats"))
	text = regexp.MustCompile(`listen: "127\.0\.0\.1:\d+"`).ReplaceAllString(text, `listen: "127.0.0.1:-1"`)
	file, _ := newFile(t)
	s := guarded(t, Config{File: write(t, text)}, file)
	p, err := s.connect(t)
	if err != nil {
		t.Fatal(err)
	}
	for _, subj := range []string{"$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.CREATE.all"} {
		msg, err := p.Request(subj, []byte(`{"name":"all","subjects":["cam.>"]}`), testutil.Timeout)
		if err != nil || !strings.Contains(string(msg.Data), "not enabled for account") {
			t.Errorf("%s: %s, %v", subj, msg.Data, err)
		}
	}
}
