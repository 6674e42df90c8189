package natsauth_test

import (
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/natsauth"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Package natsserver tests the permissions with a server. These are the ones that would give access to other cameras.
func TestPermissions(t *testing.T) {
	space := subject.Space{}
	agent := credstore.NATSClient{Kind: credstore.KindAgent, Key: "UA", Cameras: []string{"porch"}}
	consumer := credstore.NATSClient{Kind: credstore.KindConsumer, Key: "UC", Cameras: []string{"porch"}}
	all := credstore.NATSClient{Kind: credstore.KindConsumer, Key: "UC", All: true}
	for name, test := range map[string]struct {
		client               credstore.NATSClient
		publish, subscribe   string
		mayNot, mayNotListen string
	}{
		"agent":    {agent, space.Camera("porch"), space.Verbs("porch"), ">", ">"},
		"consumer": {consumer, space.Do("porch", subject.Wake), space.Status("porch"), space.Camera("porch"), ">"},
		"of all":   {all, space.Do("*", subject.Info), space.Status("*"), space.Camera("*"), ">"},
		"other cameras": {consumer, space.Do("porch", subject.Info), space.Still("porch"), space.Do("*", subject.Info),
			space.Status("*")},
	} {
		p := natsauth.Permissions(space, test.client)
		if p.Response != nil || p.Publish.Allow == nil ||
			!slices.Contains(p.Publish.Allow, test.publish) || !slices.Contains(p.Subscribe.Allow, test.subscribe) ||
			slices.Contains(p.Publish.Allow, test.mayNot) || slices.Contains(p.Subscribe.Allow, test.mayNotListen) {
			t.Errorf("%s: publish %v, subscribe %v", name, p.Publish.Allow, p.Subscribe.Allow)
		}
		for _, s := range append(p.Publish.Allow, p.Subscribe.Allow...) {
			if strings.Contains(s, "garden") {
				t.Errorf("%s: %s", name, s)
			}
		}
	}
}

func TestVerifySignature(t *testing.T) {
	c, err := credential.New()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := nkeys.FromSeed([]byte(c.Seed().Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	nonce := []byte("a nonce of the server")
	raw, err := pair.Sign(nonce)
	if err != nil {
		t.Fatal(err)
	}
	good := base64.RawURLEncoding.EncodeToString(raw)
	known := func(key string) bool { return key == c.Public() }
	for name, test := range map[string]struct {
		key, signature string
		nonce          []byte
		want           error
	}{
		"right":          {c.Public(), good, nonce, nil},
		"other alphabet": {c.Public(), base64.StdEncoding.EncodeToString(raw), nonce, nil},
		"no key":         {"", "", nonce, nil},
		"unknown key":    {"UABC", good, nonce, natsauth.ErrUnknownKey},
		"another nonce":  {c.Public(), good, []byte("another"), natsauth.ErrSignature},
		"no nonce":       {c.Public(), good, nil, natsauth.ErrSignature},
		"no signature":   {c.Public(), "", nonce, natsauth.ErrSignature},
		"no base64":      {c.Public(), "!", nonce, natsauth.ErrSignature},
	} {
		if err := natsauth.VerifySignature(test.key, test.signature, test.nonce, known); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}
