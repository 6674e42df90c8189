package hubsync

import (
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// Replayed messages of a hub have no effect. A hub that has stopped is not logged.
func TestOthers(t *testing.T) {
	log := &lines{}
	o, tm := newOtherHubs(slog.New(slog.NewTextHandler(io.MultiWriter(log, testutil.SecretLog{}), nil))), defaultTimes()
	now := time.Unix(1_800_000_000, 0)
	own := credstore.Edition{Digest: "a", Revision: 7}
	says := func(instance string, seq uint64, at time.Time, e credstore.Edition) bool {
		fresh, _ := o.update(instance, state{Name: instance, Time: at, Seq: seq, Credentials: e}, own, now, tm)
		return fresh
	}
	relation := func(instance string) string {
		for _, h := range o.list() {
			if h.Instance == instance {
				return h.Credentials
			}
		}
		return "gone"
	}
	differ := "another hub has different credentials"
	if !says("b", 1, now, credstore.Edition{Digest: "old", Revision: 6}) || relation("b") != credstore.OlderCredentials {
		t.Error("older credentials")
	}
	if !says("b", 2, now, own) || relation("b") != credstore.SameCredentials {
		t.Error("the same credentials")
	}
	if says("b", 1, now, credstore.Edition{Digest: "old", Revision: 6}) || relation("b") != credstore.SameCredentials {
		t.Error("an old state counts again")
	}
	says("c", 1, now.Add(-time.Hour), credstore.Edition{Digest: "old", Revision: 6})
	if relation("c") != Unknown || log.count("clock of another hub") != 1 {
		t.Errorf("a state of an hour ago: %s", relation("c"))
	}

	says("d", 1, now, credstore.Edition{Digest: "old", Revision: 6})
	now = now.Add(tm.grace)
	if !o.check(now, tm) || log.count(differ) != 0 {
		t.Error("a hub that may have ended should be asked first")
	}
	says("b", 3, now, own)
	for range 3 {
		says("d", uint64(now.Unix()), now, credstore.Edition{Digest: "old", Revision: 6})
		if o.check(now, tm) || log.count(differ) != 1 {
			t.Errorf("said %d times", log.count(differ))
		}
		now = now.Add(time.Second)
	}
	now = now.Add(tm.forget + time.Second)
	if o.check(now, tm) || len(o.list()) != 0 {
		t.Errorf("not forgotten: %+v", o.list())
	}
	for i := range 2 * maxOthers {
		says(fmt.Sprint("hub", i), 1, now, own)
	}
	if n := len(o.list()); n != maxOthers {
		t.Errorf("%d are remembered", n)
	}
}
