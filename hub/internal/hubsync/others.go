package hubsync

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/setting"
)

// maxOthers bounds how many other hubs are remembered.
const maxOthers = 1024

// ForeignKey says that hubs have another link key: none of their messages can be verified.
const ForeignKey = "foreign"

// Unknown says that a hub has not sent its credentials' edition yet, or that its clock differs too much.
const Unknown = "unknown"

// Relations returns all values of Other.Credentials.
func Relations() []string {
	return []string{
		credstore.SameCredentials, credstore.NewerCredentials, credstore.OlderCredentials, credstore.OtherCredentials,
		ForeignKey, Unknown,
	}
}

// Remedy tells the operator what to do about different credentials, with settings as package setting has them.
const Remedy = "copy the newer credentials file to the other hub, or keep both in step with {credentials-kv}"

// Other is what this hub knows about another hub.
type Other struct {
	Name        string            // of its host
	Instance    string            // of its run
	Version     string            // of its program
	Seen        time.Time         // when it was last heard
	Credentials string            // compared with this hub's: credstore.SameCredentials and so on, ForeignKey or Unknown
	Since       time.Time         // since when they differ; zero: they are the same
	Edition     credstore.Edition // of its credentials
}

// otherHubs are the hubs that were heard recently.
type otherHubs struct {
	log *slog.Logger

	mu          sync.Mutex
	all         map[string]*otherHub // by instance; guarded by mu
	foreignHubs otherHub             // stands for all hubs with another link key; guarded by mu
}

type otherHub struct {
	Other
	seq        uint64
	logged     bool // the difference was logged
	skewLogged bool // the difference of its clock was logged
}

func newOtherHubs(log *slog.Logger) *otherHubs {
	return &otherHubs{log: log, all: make(map[string]*otherHub)}
}

// update records the state of another hub. fresh is false if the state is older than an earlier one from that hub.
func (o *otherHubs) update(
	instance string, st state, own credstore.Edition, now time.Time, t times,
) (fresh, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	h := o.all[instance]
	known = h != nil
	switch {
	case known && st.Seq <= h.seq:
		return false, true
	case !known && len(o.all) >= maxOthers:
		return true, true
	case !known:
		h = &otherHub{Other: Other{Credentials: Unknown}}
		o.all[instance] = h
	}
	h.seq = st.Seq
	h.Name, h.Instance, h.Version, h.Seen = st.Name, instance, st.Version, now
	if skew := st.Time.Sub(now).Abs(); skew > t.skew { // or this is a replay of an old message
		if !h.skewLogged {
			o.log.Warn("the clock of another hub differs from this host's: sessions and links end at a different time there",
				"hub", st.Name, "by", skew.Round(time.Second), "remedy", "timedatectl set-ntp true on both")
		}
		h.skewLogged = true
		return true, known
	}
	h.skewLogged = false
	h.Edition = st.Credentials
	o.compareLocked(h, own, now)
	return true, known
}

// compare compares all other hubs again after this hub's credentials have changed.
func (o *otherHubs) compare(own credstore.Edition, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.foreignHubs = otherHub{}
	for _, h := range o.all {
		if h.Credentials != Unknown {
			o.compareLocked(h, own, now)
		}
	}
}

func (o *otherHubs) compareLocked(h *otherHub, own credstore.Edition, now time.Time) {
	was := h.Credentials
	h.Credentials = own.Compare(h.Edition)
	switch {
	case h.Credentials == credstore.SameCredentials:
		if h.logged {
			o.log.Info("another hub has the same credentials as this one again", "hub", h.Name)
		}
		h.logged, h.Since = false, time.Time{}
	case was == credstore.SameCredentials || was == Unknown:
		h.Since = now
	}
}

// addForeign records a message from a hub with another link key.
func (o *otherHubs) addForeign(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.foreignHubs.Since.IsZero() {
		o.foreignHubs.Since = now
	}
	o.foreignHubs.Seen, o.foreignHubs.Credentials = now, ForeignKey
}

// check forgets silent hubs. It logs once for each hub whose credentials remain different.
// ask reports whether hubs should be asked for their state: a hub that has stopped meanwhile must not be logged.
func (o *otherHubs) check(now time.Time, t times) (ask bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for instance, h := range o.all {
		if now.Sub(h.Seen) > t.forget {
			delete(o.all, instance)
			continue
		}
		if h.Since.IsZero() || h.logged || now.Sub(h.Since) < t.grace {
			continue
		}
		ask = ask || h.Seen.Sub(h.Since) < t.grace
		if h.Seen.Sub(h.Since) >= t.grace {
			h.logged = true
			o.log.Warn("another hub has different credentials: what was revoked here may still be valid there",
				"hub", h.Name, "theirs", h.Credentials, "since", h.Since.UTC().Format(time.RFC3339),
				"their_revision", h.Edition.Revision, "their_change", h.Edition.Changed,
				"remedy", setting.Errorf(Remedy))
		}
	}
	if now.Sub(o.foreignHubs.Seen) > t.forget {
		o.foreignHubs = otherHub{}
	}
	if !o.foreignHubs.logged && o.foreignHubs.Seen.Sub(o.foreignHubs.Since) >= t.grace {
		o.foreignHubs.logged = true
		o.log.Warn("a hub on this NATS system has a different link key: log-outs are not exchanged with it",
			"remedy", setting.Errorf(Remedy+"; separate systems need different {subject-root}"))
	}
	return ask
}

// list returns the hubs in order, and one entry for all hubs with another link key.
func (o *otherHubs) list() []Other {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []Other
	for _, h := range o.all {
		all = append(all, h.Other)
	}
	slices.SortFunc(all, func(a, b Other) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Instance, b.Instance))
	})
	if !o.foreignHubs.Since.IsZero() {
		all = append(all, o.foreignHubs.Other)
	}
	return all
}
