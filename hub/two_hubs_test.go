package hub

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/hub/internal/credkv"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/subject"
)

const annaPassword = "correct horse battery staple"

// twins are two hubs on one NATS system, each with its own copy of the credentials file.
type twins struct {
	t       *testing.T
	nats    string
	files   [2]string
	pages   [2]string
	stops   [2]func()
	browser *http.Client
	bucket  string // "" means none
}

func newTwins(t *testing.T) *twins {
	t.Helper()
	return newTwinsAt(t, testutil.StartNATS(t), "")
}

func newTwinsAt(t *testing.T, natsURL, bucket string) *twins {
	t.Helper()
	tw := &twins{t: t, nats: natsURL, bucket: bucket}
	tw.browser = &http.Client{
		Timeout:       testutil.Timeout,
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	for i := range tw.files {
		tw.files[i] = filepath.Join(t.TempDir(), "credentials.json")
	}
	err := credstore.Edit(tw.files[0], func(d *credstore.File) error {
		return errors.Join(d.AddUser("anna", permission.Viewer, []string{"*"}, secret.Text(annaPassword)),
			d.AddUser("root", permission.Admin, []string{"*"}, secret.Text(annaPassword)))
	})
	if err != nil {
		t.Fatal(err)
	}
	tw.copyFile()
	tw.start(0)
	tw.start(1)
	return tw
}

// copyFile gives the second hub the first one's credentials.
func (tw *twins) copyFile() {
	data, err := os.ReadFile(tw.files[0])
	if err != nil {
		tw.t.Fatal(err)
	}
	testutil.WriteFile(tw.t, tw.files[1]+".new", data)
	if err := os.Rename(tw.files[1]+".new", tw.files[1]); err != nil {
		tw.t.Fatal(err)
	}
}

func (tw *twins) start(i int) {
	page, _, stop := start(tw.t, Config{
		NATSURL: tw.nats, Credentials: tw.files[i], CredentialsKV: credkv.Config{URL: tw.nats, Bucket: tw.bucket},
	})
	tw.pages[i], tw.stops[i] = page, stop
}

func (tw *twins) send(hub int, method, path, cookie string, form url.Values) *http.Response {
	tw.t.Helper()
	req, err := http.NewRequestWithContext(tw.t.Context(), method, tw.pages[hub]+path, strings.NewReader(form.Encode()))
	if err != nil {
		tw.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	resp, err := tw.browser.Do(req)
	if err != nil {
		tw.t.Fatal(err)
	}
	return resp
}

// login returns the cookie of a new session of anna.
func (tw *twins) login(hub int) string {
	tw.t.Helper()
	return tw.loginAs("anna", hub)
}

func (tw *twins) loginAs(user string, hub int) string {
	tw.t.Helper()
	resp := tw.send(hub, http.MethodPost, "/login", "", url.Values{"user": {user}, "password": {annaPassword}})
	_ = resp.Body.Close() // nothing is in it
	if resp.StatusCode != http.StatusSeeOther || len(resp.Cookies()) != 1 {
		tw.t.Fatalf("login: %s", resp.Status)
	}
	return resp.Cookies()[0].Name + "=" + resp.Cookies()[0].Value
}

func (tw *twins) logout(hub int, cookie string) {
	tw.t.Helper()
	resp := tw.send(hub, http.MethodPost, "/logout", cookie, nil)
	_ = resp.Body.Close() // nothing is in it
	if resp.StatusCode != http.StatusSeeOther {
		tw.t.Fatalf("logout: %s", resp.Status)
	}
}

// status returns a hub's answer to a client with a cookie.
func (tw *twins) status(hub int, cookie string) int {
	tw.t.Helper()
	resp := tw.send(hub, http.MethodGet, "/api/v1/me", cookie, nil)
	_ = resp.Body.Close() // the status is enough
	return resp.StatusCode
}

func (tw *twins) ends(hub int, cookie string) {
	tw.t.Helper()
	testutil.Eventually(tw.t, "the session has ended", func() bool {
		return tw.status(hub, cookie) == http.StatusUnauthorized
	})
}

// A logout at one hub also ends the session and its streams at the other, and still holds after a restart of either.
func TestLogoutHoldsAtAllHubs(t *testing.T) {
	tw := newTwins(t)
	camera := newAgent(t, tw.nats)
	cookie, other := tw.login(0), tw.login(0)
	for hub := range 2 {
		if code := tw.status(hub, cookie); code != http.StatusOK {
			t.Fatalf("hub %d: %d", hub, code)
		}
	}
	testutil.Eventually(t, "the camera is known at the second hub", func() bool {
		camera.publish(subject.Space{}.Status("desk"), nil, camera.status)
		resp := tw.send(1, http.MethodGet, "/api/v1/cameras/desk", cookie, nil)
		_ = resp.Body.Close() // the status is enough
		return resp.StatusCode == http.StatusOK
	})
	stop := testutil.Run(t, camera.shoot)
	defer stop()
	watched := tw.send(1, http.MethodGet, "/cam/desk.mjpeg", cookie, nil)
	defer func() { _ = watched.Body.Close() }() // read to its end
	if _, err := io.ReadFull(watched.Body, make([]byte, 64)); err != nil {
		t.Fatal(err)
	}

	tw.logout(0, cookie)
	if _, err := io.Copy(io.Discard, watched.Body); err != nil {
		t.Errorf("what the session watched at the other hub does not end: %v", err)
	}
	tw.ends(1, cookie)
	for hub := range 2 {
		tw.stops[hub]()
		tw.start(hub)
		if code := tw.status(hub, cookie); code != http.StatusUnauthorized {
			t.Errorf("hub %d after a restart: %d", hub, code)
		}
		if code := tw.status(hub, other); code != http.StatusOK {
			t.Errorf("hub %d, another session of the same user: %d", hub, code)
		}
	}
}

// read returns the body of an answer.
func (tw *twins) read(hub int, path, cookie string) string {
	tw.t.Helper()
	resp := tw.send(hub, http.MethodGet, path, cookie, nil)
	defer func() { _ = resp.Body.Close() }() // read to its end
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		tw.t.Fatal(err)
	}
	return string(body)
}

// Hubs with copies of the credentials report when they differ: to admins, and in metrics.
func TestHubsSayWhenCredentialsDiffer(t *testing.T) {
	tw := newTwins(t)
	anna, root := tw.login(0), tw.loginAs("root", 0)
	agree := func(hub int, relation string) {
		t.Helper()
		testutil.Eventually(t, "it is said that the credentials are "+relation, func() bool {
			return strings.Contains(tw.read(hub, "/api/v1/hub", root), `"credentials":"`+relation+`"`) &&
				strings.Contains(tw.read(hub, "/metrics", root), `bramble_hub_other_hubs{credentials="`+relation+`"} 1`)
		})
	}
	agree(0, credstore.SameCredentials)
	agree(1, credstore.SameCredentials)
	err := credstore.Edit(tw.files[0], func(d *credstore.File) error {
		return d.AddUser("otto", permission.Viewer, []string{"*"}, secret.Text(annaPassword))
	})
	if err != nil {
		t.Fatal(err)
	}
	agree(0, credstore.OlderCredentials)
	agree(1, credstore.NewerCredentials)
	if body := tw.read(0, "/api/v1/hub", anna); strings.Contains(body, "hubs") {
		t.Errorf("a viewer sees %s", body)
	}
	tw.copyFile()
	agree(0, credstore.SameCredentials)
	agree(1, credstore.SameCredentials)
}

// With a bucket a user who is removed at one hub is removed at the other one, and what they watch there ends.
func TestRemovalByBucket(t *testing.T) {
	ns := testutil.StartServer(t, server.Options{JetStream: true, StoreDir: t.TempDir()})
	tw := newTwinsAt(t, ns.ClientURL(), "HUBS")
	b, err := credkv.Open(credkv.Config{URL: tw.nats, Bucket: "HUBS", File: tw.files[0], Log: testutil.Log(t)}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Push(t.Context(), 1, false); err != nil {
		t.Fatal(err)
	}
	anna, root := tw.login(1), tw.loginAs("root", 1)
	if err := b.Edit(t.Context(), func(d *credstore.File) error { return d.RemoveUser("anna") }); err != nil {
		t.Fatal(err)
	}
	tw.ends(1, anna)
	tw.ends(0, anna)
	testutil.StopServer(ns)
	for hub := range 2 {
		tw.stops[hub]()
		tw.start(hub)
		if a, r := tw.status(hub, anna), tw.status(hub, root); a != http.StatusUnauthorized || r != http.StatusOK {
			t.Errorf("hub %d, started without NATS: %d for who was removed, %d for another", hub, a, r)
		}
	}
}

// A hub that was not there learns of the log-outs that it has missed.
func TestLogoutWhileAway(t *testing.T) {
	tw := newTwins(t)
	cookie, other := tw.login(0), tw.login(0)
	tw.stops[1]()
	tw.logout(0, cookie)
	tw.start(1)
	tw.ends(1, cookie)
	if code := tw.status(1, other); code != http.StatusOK {
		t.Errorf("another session: %d", code)
	}
}

// shoot publishes pictures until ctx ends.
func (a *agent) shoot(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			a.picture()
		}
	}
}
