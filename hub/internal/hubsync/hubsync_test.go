package hubsync

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Hubs send log-outs to each other as they happen. Hubs that start later get all that they have missed.
func TestLogouts(t *testing.T) {
	url, file := testutil.StartNATS(t), newFile(t, "anna", "otto")
	a, b := newHub(t, url, file), newHub(t, url, file)
	a.run()
	b.run()
	gone, stays := a.login("anna"), a.login("anna")
	a.auth.Logout(address, gone)
	b.learns(gone)
	back := b.login("otto")
	b.auth.Logout(address, back)
	a.learns(back)
	var many []endedsessions.Entry
	for i := range 3000 {
		e := endedsessions.Entry{User: fmt.Sprint("user", i%50), ID: fmt.Sprintf("%032x", i+1), Login: time.Now().Unix()}
		many = append(many, e)
	}
	if n, err := a.ended.Merge(many, time.Now()); n != len(many) || err != nil {
		t.Fatal(n, err)
	}
	c := newHub(t, url, file)
	c.run()
	c.learns(gone)
	c.learns(back)
	for _, h := range []*hub{b, c} {
		testutil.Eventually(t, "all is known", func() bool { return h.ended.Digests() == a.ended.Digests() })
		if !h.isGood(stays) {
			t.Error("another session has ended")
		}
	}
	if n := a.refused() + b.refused() + c.refused(); n != 0 {
		t.Errorf("%d messages were refused", n)
	}
}

// Log-outs while NATS is down are sent when it is back.
func TestLogoutWithoutNATS(t *testing.T) {
	ns := testutil.StartServer(t, server.Options{})
	port, file := testutil.Port(t, ns), newFile(t, "anna")
	a, b := newHub(t, ns.ClientURL(), file), newHub(t, ns.ClientURL(), file)
	a.run()
	b.run()
	gone := a.login("anna")
	testutil.StopServer(ns)
	testutil.Eventually(t, "the connection is lost", func() bool { return !a.nc.IsConnected() && !b.nc.IsConnected() })
	a.auth.Logout(address, gone)
	testutil.StartServer(t, server.Options{Port: port})
	b.learns(gone)
}

// On an open NATS system, a client without the link key cannot log users out.
func TestForgedLogouts(t *testing.T) {
	url, file := testutil.StartNATS(t), newFile(t, "anna")
	a, b := newHub(t, url, file), newHub(t, url, file)
	heard := listen(t, url)
	a.run()
	b.run()
	anna, otherSession := a.login("anna"), a.login("anna")
	ended, state := subject.Space{}.Hub(subject.HubEnded), subject.Space{}.Hub(subject.HubState)
	all := message{Instance: "evil", Ended: []endedsessions.Entry{{User: "anna", Login: time.Now().Unix() + 5}}}
	other, err := seal(make([]byte, 32), ended, all)
	if err != nil {
		t.Fatal(err)
	}
	a.auth.Logout(address, otherSession)
	b.learns(otherSession)
	valid := testutil.Receive(t, "a valid message", heard)
	for valid.Subject != ended {
		valid = testutil.Receive(t, "a valid message", heard)
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	forged := func(change func(*nats.Msg)) *nats.Msg {
		m := &nats.Msg{Subject: ended, Data: valid.Data, Header: nats.Header{}}
		for k, v := range valid.Header {
			m.Header[k] = v
		}
		change(m)
		return m
	}
	bad := []*nats.Msg{
		other,
		{Subject: ended, Data: text},
		{Subject: ended},
		{Subject: state, Data: []byte("{}"), Header: nats.Header{keyHeader: {"x"}, macHeader: {"y"}}},
		forged(func(m *nats.Msg) { m.Data = text }),
		forged(func(m *nats.Msg) { m.Subject = state }),
		forged(func(m *nats.Msg) { m.Header.Set(macHeader, strings.Repeat("0", 64)) }),
		forged(func(m *nats.Msg) { m.Header.Del(keyHeader) }),
		forged(func(m *nats.Msg) { m.Data = append(m.Data, make([]byte, maxMessage)...) }),
	}
	nc := testutil.Connect(t, url)
	for _, m := range append(bad, valid, valid, valid) { // replays do no harm
		if err := nc.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	want := len(bad)
	testutil.Eventually(t, "all were refused",
		func() bool { return a.refused() >= want && b.refused() >= want })
	if !a.isGood(anna) || !b.isGood(anna) {
		t.Error("a message without the key has logged a user out")
	}
	a.auth.Logout(address, anna)
	b.learns(anna)
	testutil.Eventually(t, "hubs agree", func() bool { return a.ended.Digests() == b.ended.Digests() })
	if n := a.refused(); n != want {
		t.Errorf("%d were refused, want %d", n, want)
	}
}

// listen returns the messages between hubs.
func listen(t *testing.T, url string) <-chan *nats.Msg {
	t.Helper()
	all := make(chan *nats.Msg, 64)
	nc := testutil.Connect(t, url)
	if _, err := nc.ChanSubscribe(subject.Space{}.Hub("*"), all); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A flood costs the hubs little. Messages lost in it are sent again afterwards.
func TestFlood(t *testing.T) {
	url, file := testutil.StartNATS(t), newFile(t, "anna")
	a, b := newHub(t, url, file), newHub(t, url, file)
	a.run()
	b.run()
	gone := a.login("anna")
	nc := testutil.Connect(t, url)
	junk := &nats.Msg{Subject: subject.Space{}.Hub(subject.HubEnded), Data: make([]byte, 1<<10)}
	for i := range 20 * maxBurst {
		if i == 10*maxBurst {
			a.auth.Logout(address, gone)
		}
		if err := nc.PublishMsg(junk); err != nil {
			t.Fatal(err)
		}
	}
	b.learns(gone)
}

// Hubs log once that their credentials differ and which are newer, and once that they are the same again.
func TestDifferentCredentials(t *testing.T) {
	url, file := testutil.StartNATS(t), newFile(t, "anna", "otto")
	a, b := newHub(t, url, file), newHub(t, url, file)
	a.run()
	b.run()
	relation := func(h *hub) string {
		if all := h.sync.Others(); len(all) == 1 {
			return all[0].Credentials
		}
		return ""
	}
	differ := "another hub has different credentials"
	expect := func(what, atA, atB string) {
		t.Helper()
		testutil.Eventually(t, what, func() bool { return relation(a) == atA && relation(b) == atB })
	}
	expect("the same at first", credstore.SameCredentials, credstore.SameCredentials)
	edit(t, a.file, func(d *credstore.File) error { return d.RemoveUser("otto") })
	expect("a is newer", credstore.OlderCredentials, credstore.NewerCredentials)
	for _, h := range []*hub{a, b} {
		testutil.Eventually(t, "it is said", func() bool { return h.log.count(differ) == 1 })
	}
	edit(t, b.file, func(d *credstore.File) error { return d.RemoveUser("anna") })
	expect("both were changed", credstore.OtherCredentials, credstore.OtherCredentials)
	b.copyFrom(a.file)
	expect("the same again", credstore.SameCredentials, credstore.SameCredentials)
	for _, h := range []*hub{a, b} {
		if h.log.count(differ) != 1 || h.log.count("same credentials as this one again") != 1 {
			t.Errorf("said\n%s", h.log.text.String())
		}
	}
	edit(t, a.file, func(d *credstore.File) error { d.RenewLinkKey(); return nil })
	expect("another link key", ForeignKey, ForeignKey)
	for _, h := range []*hub{a, b} {
		testutil.Eventually(t, "it is said", func() bool { return h.log.count("a different link key") == 1 })
	}
	b.copyFrom(a.file)
	expect("the same once more", credstore.SameCredentials, credstore.SameCredentials)
}

// Another program finds the hubs and those with credentials that differ from its file. It does not appear as a hub.
func TestAsk(t *testing.T) {
	url, file := testutil.StartNATS(t), newFile(t, "anna")
	a, b := newHub(t, url, file), newHub(t, url, file)
	edit(t, b.file, func(d *credstore.File) error { return d.RemoveUser("anna") })
	alien := newHub(t, url, newFile(t, "anna"))
	for _, h := range []*hub{a, b, alien} {
		h.run()
	}
	book, err := credstore.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	nc := testutil.Connect(t, url)
	testutil.Eventually(t, "all answer", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		all, err := Ask(ctx, nc, subject.Space{}, book)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]int)
		for _, o := range all {
			got[o.Credentials]++
		}
		return len(all) == 3 && got[credstore.SameCredentials] == 1 && got[credstore.NewerCredentials] == 1 &&
			got[ForeignKey] == 1
	})
	if all := a.sync.Others(); len(all) != 2 {
		t.Errorf("a knows %+v", all)
	}
	if all, err := Ask(t.Context(), nc, subject.Space{}, &credstore.Snapshot{}); all != nil || err != nil {
		t.Errorf("without credentials: %v, %v", all, err)
	}
}
