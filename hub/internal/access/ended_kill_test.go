package access

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/secret"
)

// logoutVictim logs in and out and prints each ended cookie, until it is killed.
func logoutVictim(file string) {
	k, err := OpenStore(file, slog.New(slog.DiscardHandler))
	for err == nil {
		d := NewAuthenticator(k, slog.New(slog.DiscardHandler))
		u, _ := k.Snapshot().user("anna")
		var cookie Cookie
		if cookie, err = d.sessions.begin(k.Snapshot(), u, time.Now()); err == nil {
			d.Logout(home, cookie.Value)
			fmt.Println(cookie.Value.Reveal())
		}
	}
	fmt.Println(err)
	os.Exit(3)
}

// A kill -9 at any moment does not revive a session whose logout was answered.
func TestKillAfterLogout(t *testing.T) {
	c := newCast(t)
	var gone []secret.Text
	for range 12 {
		cmd, out := startVictim(t, "logout", c.file, "")
		for range 1 + rand.N(20) {
			line, err := out.ReadString('\n')
			if err != nil {
				t.Fatalf("%q, %v", line, err)
			}
			gone = append(gone, ledger.hide("cookie", strings.TrimSpace(line)))
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
				gone = append(gone, ledger.hide("cookie", strings.TrimSpace(line)))
			}
		}
		hub := newSite(t, c.file)
		for _, cookie := range gone {
			if hub.isGood(cookie) {
				t.Fatalf("one of %d sessions is good again", len(gone))
			}
		}
		if hub.sessions.past.set.floor != 0 {
			t.Fatal("the file was taken for damaged")
		}
	}
}

// Concurrent log-outs share the writes, and the file holds each of them.
func TestManyLogoutsAtOnce(t *testing.T) {
	c := newCast(t)
	hub := newSite(t, c.file)
	b := load(t, c.file)
	u, _ := b.user("anna")
	var all sync.WaitGroup
	for range 64 {
		cookie, err := hub.sessions.begin(b, u, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		all.Go(func() {
			hub.Logout(home, cookie.Value)
			if newSite(t, c.file).isGood(cookie.Value) {
				t.Error("answered before it was written")
			}
		})
	}
	all.Wait()
}
