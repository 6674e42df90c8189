package auth_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/credstore/credstoretest"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/internal/secret"
)

// site is a hub's Authenticator, as after a start of the hub.
// It is never closed: a new site is like a restart after kill -9.
type site struct {
	t *testing.T
	*auth.Authenticator
	store *credstore.Store
	ended *endedsessions.Store
}

func newSite(t *testing.T, file string) site {
	t.Helper()
	return newSiteWith(t, file, secrets.Logger())
}

func newSiteWith(t *testing.T, file string, log *slog.Logger) site {
	store, err := credstore.Open(file, log)
	if err != nil {
		t.Fatal(err)
	}
	ended := endedsessions.Open(file, log)
	return site{t, auth.New(store, ended, log), store, ended}
}

// begin returns the cookie of a new session, without a password check.
func (s site) begin(name string) secret.Text {
	b := s.store.Snapshot()
	u, _ := b.User(name)
	now := time.Now()
	cookie, err := session.Session{
		User: name, ID: session.NewID(), CredentialVersion: u.CredentialVersion(), Login: now.Unix(),
	}.Issue(b.SessionKey(), now)
	if err != nil {
		s.t.Fatal(err)
	}
	return cookie.Value
}

func (s site) login(name string, password secret.Text) secret.Text {
	s.t.Helper()
	_, cookie, err := s.Login(s.t.Context(), home, name, password)
	if err != nil {
		s.t.Fatal(err)
	}
	return secrets.Hide("cookie", cookie.Value.Reveal())
}

func (s site) isGood(cookie secret.Text) bool {
	p, _, err := s.Session(home, cookie)
	return err == nil && p.HasRole(permission.Viewer)
}

// A hub that is killed just after it has answered a logout does not accept the session after its restart.
func TestLogoutSurvivesRestart(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		hub := newSite(t, c.Path)
		gone, stays := hub.login("anna", c.Anna), hub.login("anna", c.Anna)
		later(session.RenewAfter)
		_, renewed, err := hub.Session(home, gone)
		if err != nil || renewed == nil {
			t.Fatal(renewed, err)
		}
		hub.Logout(home, gone)
		for range 3 {
			hub = newSite(t, c.Path)
			if hub.isGood(gone) || hub.isGood(renewed.Value) {
				t.Fatal("the session is back after a restart")
			}
			if !hub.isGood(stays) {
				t.Error("the other session is gone")
			}
			hub.Logout(home, gone) // once more, which writes nothing
		}
		info, err := os.Stat(endedsessions.FileFor(c.Path))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info, err)
		}
	})
}

// A viewer who logs in and out thousands of times ends no other user's session, and only older ones of their own.
func TestManyLogouts(t *testing.T) {
	c := credstoretest.New(t, secrets)
	synctest.Test(t, func(t *testing.T) {
		hub := newSite(t, c.Path)
		otto, first := hub.begin("otto"), hub.begin("anna")
		later(time.Second)
		var all []secret.Text
		for i := range 4096 + 2 {
			if i%16 == 0 {
				later(time.Second)
			}
			all = append(all, hub.begin("anna"))
		}
		last := hub.begin("anna")
		var entries []endedsessions.Entry
		for _, i := range rand.Perm(len(all)) {
			entries = append(entries, hub.entry(all[i]))
		}
		if _, err := hub.ended.Merge(entries, time.Now()); err != nil { // in one write, since each would be slow
			t.Fatal(err)
		}
		hub.Logout(home, all[0])
		check := func(hub site) {
			t.Helper()
			for i, cookie := range all {
				if hub.isGood(cookie) {
					t.Fatalf("session %d has ended, and is good", i)
				}
			}
			if !hub.isGood(otto) {
				t.Error("another user's session ended")
			}
			if !hub.isGood(last) {
				t.Error("the newest session of the user ended")
			}
			if hub.isGood(first) {
				t.Error("the oldest session should have ended: there is room for as many as are remembered only")
			}
		}
		check(hub)
		check(newSite(t, c.Path))
		if n := len(hub.ended.List(func(int) bool { return true })); n > 256+1 {
			t.Errorf("%d are remembered", n)
		}
	})
}

// entry returns the record of a session for when it has ended.
func (s site) entry(cookie secret.Text) endedsessions.Entry {
	s.t.Helper()
	c, err := session.Parse(s.store.Snapshot().SessionKey(), cookie)
	if err != nil {
		s.t.Fatal(err)
	}
	return endedsessions.Of(c)
}

// logoutVictim logs in and out and prints each ended cookie, until it is killed.
func logoutVictim(file string) {
	hub := newSiteWith(nil, file, slog.New(slog.DiscardHandler)) // a failure is a panic, which the test reports
	for {
		cookie := hub.begin("anna")
		hub.Logout(home, cookie)
		fmt.Println(cookie.Reveal())
	}
}

// A kill -9 at any moment does not revive a session whose logout was answered.
func TestKillAfterLogout(t *testing.T) {
	c := credstoretest.New(t, secrets)
	before := len(secrets.Text())
	var gone []secret.Text
	for range 12 {
		cmd, out := startVictim(t, c.Path)
		for range 1 + rand.N(20) {
			line, err := out.ReadString('\n')
			if err != nil {
				t.Fatalf("%q, %v", line, err)
			}
			gone = append(gone, secrets.Hide("cookie", strings.TrimSpace(line)))
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(out)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); !killed(err) {
			t.Fatalf("%v, %s", err, rest)
		}
		for line := range strings.Lines(string(rest)) {
			if strings.HasSuffix(line, "\n") {
				gone = append(gone, secrets.Hide("cookie", strings.TrimSpace(line)))
			}
		}
		hub := newSite(t, c.Path)
		for _, cookie := range gone {
			if hub.isGood(cookie) {
				t.Fatalf("one of %d sessions is good again", len(gone))
			}
		}
		if strings.Contains(secrets.Text()[before:], "all sessions were ended") {
			t.Fatal("the file was taken for damaged")
		}
	}
}

// Concurrent log-outs share the writes, and the file holds each of them.
func TestManyLogoutsAtOnce(t *testing.T) {
	c := credstoretest.New(t, secrets)
	hub := newSite(t, c.Path)
	var all sync.WaitGroup
	for range 64 {
		cookie := hub.begin("anna")
		all.Go(func() {
			hub.Logout(home, cookie)
			if newSite(t, c.Path).isGood(cookie) {
				t.Error("answered before it was written")
			}
		})
	}
	all.Wait()
}

// startVictim starts a victim, whose output comes from out.
func startVictim(t *testing.T, file string) (cmd *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command(exe)
	cmd.Env = append(os.Environ(), asVictim+"="+file)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(pipe)
}

func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
