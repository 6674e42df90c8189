package examples

import (
	"bytes"
	"context"
	"encoding/hex"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// hubAddresses is a hub with the shipped deployments/nats/websocket-mqtt.conf, at free ports.
type hubAddresses struct{ nats, webSocket, mqtt string }

// startHubWith replaces parts of the file first, given as old and new.
func startHubWith(t *testing.T, cfg hub.Config, replace ...string) (d hubAddresses) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	conf, err := os.ReadFile(filepath.Join("..", "..", "deployments", "nats", "websocket-mqtt.conf"))
	if err != nil {
		t.Fatal(err)
	}
	d.webSocket, d.mqtt = freeAddress(t), freeAddress(t)
	text := string(conf)
	replace = append(replace, `listen: "127.0.0.1`+`:9222"`, `listen: "`+d.webSocket+`"`, `listen: "127.0.0.1`+`:1883"`,
		`listen: "`+d.mqtt+`"`,
		"/var/lib/bramble-hub/nats", filepath.Join(t.TempDir(), "nats"))
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("the configuration does not have %s", replace[i])
		}
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	testutil.WriteFile(t, file, []byte(text))
	cfg.HTTP, cfg.NATS, cfg.NATSConfig, cfg.Log = "127.0.0.1:0", "127.0.0.1:0", file, testutil.Log(t)
	h, err := hub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	testutil.Run(t, h.Run)
	ctx, cancel := context.WithTimeout(t.Context(), testutil.Timeout)
	defer cancel()
	if _, d.nats, err = h.WaitStarted(ctx); err != nil {
		t.Fatal(err)
	}
	return d
}

// freeAddress returns a loopback address that was free just now: a NATS configuration cannot tell which port another
// door has got.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it has no connections
	return l.Addr().String()
}

// TestMQTT starts a camera by an MQTT subscription, which is what Home Assistant does, and gets its stills byte for
// byte as NATS has them.
func TestMQTT(t *testing.T) {
	t.Parallel()
	need(t, "mosquitto_sub")
	d := startHubWith(t, hub.Config{})
	serve(t, d.nats, "porch=pattern:#size=160x120&fps=10")
	host, port, err := net.SplitHostPort(d.mqtt)
	if err != nil {
		t.Fatal(err)
	}
	// %x is the payload in hex, a line for each message.
	p := start(t, []string{"HOME=" + t.TempDir()}, "mosquitto_sub", "-h", host, "-p", port, "-t", "cam/porch/still", "-C",
		"4", "-F", "%x")
	lines := func() []string { return strings.SplitAfter(p.Output(), "\n") }
	testutil.Eventually(t, "a picture comes by MQTT", func() bool { return len(p.Output()) > 100 })

	nc := testutil.Connect(t, d.nats)
	same := make(chan *nats.Msg, 1<<10)
	if _, err := nc.ChanSubscribe("cam.porch.still", same); err != nil { // later: not this is what started the camera
		t.Fatal(err)
	}
	var still []byte
	for len(still) == 0 {
		still = testutil.Receive(t, "a still by NATS", same).Data
	}
	testutil.Eventually(t, "the same by MQTT",
		func() bool { return strings.Contains(p.Output(), hex.EncodeToString(still)+"\n") })
	waitEnded(t, p)
	got := lines()
	if got[0] == "\n" {
		got = got[1:] // of an idle camera the first is the question for interest
	}
	for _, line := range got[:len(got)-1] {
		b, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil || !bytes.HasPrefix(b, []byte{0xff, 0xd8}) {
			t.Fatalf("by MQTT came %.20q, %v", line, err)
		}
		checkPicture(t, b, 160, 120)
	}
}

// The configuration's commented user, as it is shipped and with a password.
const (
	asShipped       = `     { user: homeassistant, password: "$2a$11$...", ` + porchOnly
	asHomeAssistant = `     { user: homeassistant, password: "hass", ` + porchOnly
	porchOnly       = `permissions: { publish: [], subscribe: ["cam.porch.still"] } }`
)

// TestMQTTUser is the configuration's commented part: a user by password, who gets the porch and nothing else.
func TestMQTTUser(t *testing.T) {
	t.Parallel()
	need(t, "mosquitto_sub")
	pair, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	public, err := pair.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := pair.Seed()
	if err != nil {
		t.Fatal(err)
	}
	own, err := credential.Parse(secret.Text(seed))
	if err != nil {
		t.Fatal(err)
	}
	d := startHubWith(t, hub.Config{NATSCredential: own}, "  no_auth_user: mqtt\n", "",
		"\nno_auth_user: anybody\n", "\n",
		"      { user: anybody }", "      { nkey: "+public+" }",
		"      { user: mqtt, permissions: { publish: [], subscribe: [\"cam.*.still\"] } }", asHomeAssistant,
		"#     { nkey: UCDPHWXNODVLZMUS7KY6NV4NSGXVKR6FDUDQZWJ2MHXWVVOHH73IEIKO }", "# the hub", "#"+asShipped,
		"# Home Assistant")
	host, port, err := net.SplitHostPort(d.mqtt)
	if err != nil {
		t.Fatal(err)
	}
	see := func(topic string, args ...string) *proc.Process {
		args = append([]string{"-h", host, "-p", port, "-d", "-t", topic, "-F", "got %x", "-C", "1"}, args...)
		return start(t, []string{"HOME=" + t.TempDir()}, "mosquitto_sub", args...)
	}
	porch, garden := see("cam/porch/still", "-u", "homeassistant", "-P", "hass"), see("cam/garden/still", "-u",
		"homeassistant", "-P", "hass")
	waitSaid(t, garden, "Subscribed (mid: 1): 128") // a refusal
	anonymous := see("cam/porch/still")
	waitEnded(t, anonymous)
	if !strings.Contains(anonymous.Output(), "not authorised") {
		t.Errorf("a client without a password: %s", anonymous.Output())
	}
	nc, err := nats.Connect(d.nats, nats.Nkey(public, pair.Sign))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	still := picture(t, 64, 48, 100)
	testutil.Eventually(t, "a picture comes by MQTT", func() bool { // it says nothing of its subscription before
		publish(t, nc, "cam.porch.still", 1, still)
		return strings.Contains(porch.Output(), "got "+hex.EncodeToString(still))
	})
}
