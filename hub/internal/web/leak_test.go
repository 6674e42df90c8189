package web

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/crypto/argon2"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if found := secretLog.leaks(); found != "" {
			fmt.Fprintln(os.Stderr, found)
			code = max(code, 1)
		}
		os.Exit(code)
	}))
}

// secretRecorder keeps the log and the answers of the tests with users, and their secrets. TestMain fails if a
// secret is in them.
type secretRecorder struct {
	mu      sync.Mutex
	text    bytes.Buffer
	secrets map[string]string // what it is, by itself
}

var secretLog = &secretRecorder{secrets: map[string]string{}}

func (d *secretRecorder) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

// hide records a secret, and returns it.
func (d *secretRecorder) hide(what, text string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.secrets[text] = what
	return text
}

func (d *secretRecorder) leaks() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for text, what := range d.secrets {
		if strings.Contains(d.text.String(), text) {
			return "a " + what + " is in the log of the tests, or in an answer of the hub"
		}
	}
	return ""
}

func (d *secretRecorder) says(text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Contains(d.text.String(), text)
}

const (
	annaPassword = "correct horse battery staple"
	ottoPassword = "tr0ub4dor and three more words"
)

// authFixture is a fixture with users. anna views porch and yard, otto operates porch, and nora views cameras that do
// not exist. root is admin and views all, prom views all, and gone was removed.
type authFixture struct {
	*fixture
	file                    string
	porch, yard             *camera
	store                   *credstore.Store
	annaToken, ottoToken    string
	rootToken, promToken    string
	revoked                 string // a token of anna's that was removed
	annaTokenID             string
	valid, expired, jpegURL string // links to porch: values of the parameter
}

// lateCollector creates its collector at each scrape.
type lateCollector func() prometheus.Collector

func (lateCollector) Describe(chan<- *prometheus.Desc) {} // not checked

func (c lateCollector) Collect(ch chan<- prometheus.Metric) { c().Collect(ch) }

func newAuthFixture(t *testing.T, tune ...func(*Server)) *authFixture {
	t.Helper()
	g := &authFixture{file: filepath.Join(t.TempDir(), "credentials.json")}
	g.people(t)
	log := slog.New(slog.NewTextHandler(secretLog, &slog.HandlerOptions{Level: slog.LevelDebug}))
	keeper, err := credstore.Open(g.file, log)
	if err != nil {
		t.Fatal(err)
	}
	keeper.CheckInterval = moment
	g.store = keeper
	h := newTestServer(t, stream.Config{})
	h.srv = New(Config{Registry: h.reg, Transcoder: h.tr, Outputs: outputs.All(), Connected: h.agents.Connected,
		Agents: &fakeAgent{}, Credentials: keeper, Auth: newAuth(keeper, g.file, log),
		RuntimeConfig: RuntimeConfig{AllowOrigins: []string{"https://friend.example"}}, Log: log,
		Collectors: []prometheus.Collector{lateCollector(func() prometheus.Collector {
			return transcode.NewCollector(h.srv.cfg.Transcoder, h.reg.Cameras) // a test may replace the transcoder
		})},
	})
	for _, f := range tune {
		f(h.srv)
	}
	g.fixture = runFixture(t, h)
	testutil.Run(t, keeper.Run)
	g.porch, g.yard = g.camera("porch", frame.JPEG), g.camera("yard", frame.H264)
	g.porch.picture()
	for _, u := range units(t, "slices.h264")[:2] {
		g.yard.access(u)
	}
	g.links(t)
	return g
}

// sessionOfRemoved returns the session of a user who was removed after the login.
func (g *authFixture) sessionOfRemoved() string {
	g.t.Helper()
	cookie := g.login("gone", annaPassword)
	g.edit(func(d *credstore.File) error { return d.RemoveUser("gone") })
	g.eventually(http.StatusUnauthorized, "/api/v1/me", "Cookie", cookie)
	return cookie
}

// people writes the users into the credentials file.
func (g *authFixture) people(t *testing.T) {
	t.Helper()
	secretLog.hide("password", annaPassword)
	secretLog.hide("password", ottoPassword)
	secretLog.hide("password", base64.StdEncoding.EncodeToString([]byte("otto:"+ottoPassword)))
	tokens := map[string]*string{"anna": &g.annaToken, "otto": &g.ottoToken, "root": &g.rootToken, "prom": &g.promToken}
	err := credstore.Edit(g.file, func(d *credstore.File) error {
		d.Users = append(d.Users, users()...)
		for name, into := range tokens {
			_, text, err := d.AddToken(name, "test", 0)
			if err != nil {
				return err
			}
			*into = secretLog.hide("token", text.Reveal())
		}
		g.annaTokenID = g.annaToken[3:11]
		id, text, err := d.AddToken("anna", "revoked", 0)
		if err != nil {
			return err
		}
		g.revoked = secretLog.hide("token", text.Reveal())
		return d.RemoveToken(id.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// users are those of all tests: to make their hashes takes time.
var users = sync.OnceValue(func() []credstore.User {
	d := &credstore.File{}
	for _, u := range []struct {
		name     string
		role     permission.Role
		cameras  []string
		password secret.Text
	}{
		{"anna", permission.Viewer, []string{"porch", "yard"}, annaPassword},
		{"otto", permission.Operator, []string{"porch", "yard"}, ottoPassword},
		{"nora", permission.Viewer, []string{"lab-*"}, annaPassword},
		{"root", permission.Admin, []string{"*"}, annaPassword}, {"prom", permission.Viewer, []string{"*"}, annaPassword},
		{"gone", permission.Viewer, []string{"*"}, annaPassword},
	} {
		if err := d.AddUser(u.name, u.role, u.cameras, u.password); err != nil {
			panic(err) // they are all as they should be
		}
		d.Users[len(d.Users)-1].Hash = cheapHash(u.password)
	}
	return d.Users
})

// cheapHash returns a valid hash that costs little to compute. With the race detector a real one takes seconds.
func cheapHash(password secret.Text) string {
	salt := []byte("salt of the tests")
	key := argon2.IDKey([]byte(password.Reveal()), salt, 1, 64, 1, 32)
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=64,t=1,p=1$%s$%s", argon2.Version, b64.EncodeToString(salt),
		b64.EncodeToString(key))
}

func (g *authFixture) links(t *testing.T) {
	t.Helper()
	for into, l := range map[*string]signedlink.Link{
		&g.valid:   {Camera: "porch", Formats: []string{"mjpeg", "jpeg", "h264", "mp4"}, Expires: time.Now().Add(time.Hour)},
		&g.expired: {Camera: "porch", Formats: []string{"mjpeg", "jpeg", "h264", "mp4"}, Expires: time.Now().Add(-time.Hour)},
		&g.jpegURL: {Camera: "porch", Formats: []string{"jpeg"}, Expires: time.Now().Add(time.Hour)},
	} {
		text, err := signedlink.Sign(g.store.Snapshot().LinkKey(), l)
		if err != nil {
			t.Fatal(err)
		}
		*into = secretLog.hide("link", text.Reveal())
	}
}

// edit changes the credentials file. The hub notices it soon.
func (g *authFixture) edit(change func(*credstore.File) error) {
	g.t.Helper()
	if err := credstore.Edit(g.file, change); err != nil {
		g.t.Fatal(err)
	}
}

// eventually waits until the hub answers with the status.
func (g *authFixture) eventually(status int, path string, header ...string) {
	g.t.Helper()
	testutil.Eventually(g.t, fmt.Sprintf("%s is %d", path, status), func() bool {
		resp, _ := g.do(http.MethodGet, path, header...)
		return resp.StatusCode == status
	})
}

// login logs a user in by the form, and returns the Cookie header.
func (g *authFixture) login(user, password string) string {
	g.t.Helper()
	resp, body := g.form("/login", url.Values{"user": {user}, "password": {password}})
	cookies := resp.Cookies()
	if resp.StatusCode != http.StatusSeeOther || len(cookies) != 1 {
		g.t.Fatalf("%s cannot log in: %s %s", user, resp.Status, body)
	}
	secretLog.hide("session", cookies[0].Value)
	return cookies[0].Name + "=" + cookies[0].Value
}

// form posts a form as a browser does, and follows no redirect.
func (g *authFixture) form(path string, values url.Values, header ...string) (*http.Response, string) {
	g.t.Helper()
	return g.request(http.MethodPost, path, values.Encode(),
		append([]string{"Content-Type", "application/x-www-form-urlencoded"}, header...)...)
}

// request sends a request, follows no redirect, and returns the answer with the beginning of its body.
func (g *authFixture) request(method, path, body string, header ...string) (*http.Response, string) {
	g.t.Helper()
	req, err := http.NewRequest(method, "http://"+g.addr+path, strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := g.client.Transport.RoundTrip(req)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // a stream has no end
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "multipart/") ||
		resp.StatusCode == http.StatusSwitchingProtocols || resp.Header.Get("Content-Type") == "video/mp4" ||
		resp.Header.Get("Content-Type") == "video/h264" {
		return resp, ""
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	_, _ = fmt.Fprintf(secretLog, "%s\n", text) // to memory
	return resp, string(text)
}

// stream sends a request with these header lines, and reads the head of the streaming response.
func (r *fixture) stream(path string, lines ...string) *conn {
	r.t.Helper()
	c := r.send("GET " + path + " HTTP/1.1\r\nHost: hub\r\n" + strings.Join(append(lines, "\r\n"), "\r\n"))
	c.head()
	if c.resp.StatusCode != http.StatusOK {
		r.t.Fatalf("%s: %s", strings.Split(path, "?")[0], c.resp.Status)
	}
	return c
}

// socket opens /ws with headers of its own.
func (g *authFixture) socket(query string, header ...string) *socket {
	g.t.Helper()
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return g.dialAs("/ws"+query, h)
}
