package session_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/session"
	"github.com/bramble-cam/bramble/internal/secret"
)

func TestCookie(t *testing.T) {
	key, now := []byte("a key"), time.Unix(1_790_000_000, 0)
	s := session.Session{User: "anna", ID: session.NewID(), Login: now.Unix()}
	cookie, err := s.Issue(key, now)
	if err != nil || !cookie.Expires.Equal(now.Add(session.Life)) {
		t.Fatal(cookie.Expires, err)
	}
	got, err := session.Parse(key, cookie.Value)
	if err != nil || got.User != "anna" || got.ID != s.ID {
		t.Fatalf("%+v, %v", got, err)
	}
	for after, renewed := range map[time.Duration]bool{
		session.RenewAfter - time.Second: false, session.RenewAfter: true, session.MaxLife - session.Life: true,
		session.MaxLife: false,
	} {
		late := got
		late.Issued, late.Expires = now.Unix(), now.Add(min(session.MaxLife, after+session.Life/2)).Unix()
		next, err := late.Renew(key, now.Add(after))
		if err != nil || (next != nil) != renewed || next != nil && next.Expires.After(now.Add(session.MaxLife)) {
			t.Errorf("after %v: %v, %v", after, next, err)
		}
	}
	text := cookie.Value.Reveal()
	for name, value := range map[string]string{
		"nothing": "", "a dot": ".", "no signature": strings.Split(text, ".")[0], "long": strings.Repeat("a", 5000),
		"changed": "A" + text[1:],
	} {
		if _, err := session.Parse(key, secret.Text(value)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := session.Parse([]byte("another"), cookie.Value); err == nil {
		t.Error("accepted with another key")
	}
	if _, err := session.Parse(nil, cookie.Value); err == nil {
		t.Error("accepted without a key")
	}
}
