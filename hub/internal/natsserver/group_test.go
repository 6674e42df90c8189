package natsserver

import (
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// A consumer of a camera group may receive the group's cameras, also after a change of the group.
func TestConsumerOfGroup(t *testing.T) {
	file, _ := newFile(t)
	s := guarded(t, Config{}, file)
	var cred credential.Credential
	s.edit(t, func(d *credstore.File) (err error) {
		if err := d.AddGroup("site", []string{"lab-*", "attic"}); err != nil {
			return err
		}
		cred, err = d.AddConsumer("counter", []string{"@site"})
		return err
	})
	allowed := func(p *party, camera string) bool {
		t.Helper()
		subj := "cam." + camera + ".jpeg"
		if _, err := p.SubscribeSync(subj); err != nil {
			t.Fatal(err)
		}
		return !p.refused(t, subj)
	}
	testutil.Eventually(t, "the consumer is known",
		func() bool { p, err := s.connect(t, cred.Options()...); return err == nil && p.IsConnected() })
	p := s.mustConnect(t, cred)
	if !allowed(p, "lab-1") || !allowed(p, "attic") || allowed(p, "porch") {
		t.Errorf("denied: %q", p.denied)
	}
	s.edit(t, func(d *credstore.File) error { return d.SetGroup("site", []string{"porch"}) })
	testutil.Receive(t, "the consumer is cut", closing(p.lost))
	p = s.mustConnect(t, cred)
	if allowed(p, "lab-1") || !allowed(p, "porch") {
		t.Errorf("after the change, denied: %q", p.denied)
	}
}
