package hubsync

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/access"
)

// maxOthers bounds how many other hubs are remembered.
const maxOthers = 1024

// ForeignKey says that hubs have another link key: nothing of what they say can be believed.
const ForeignKey = "foreign"

// Unknown says that a hub has not told of its credentials yet, or has a clock that differs too much.
const Unknown = "unknown"

// Relations returns all values of Other.Credentials.
func Relations() []string {
	return []string{
		access.SameCredentials, access.NewerCredentials, access.OlderCredentials, access.OtherCredentials, ForeignKey, Unknown,
	}
}

// Remedy helps against different credentials.
const Remedy = "copy the newer credentials file to the other hub, or keep both by --credentials-kv"

// Other is what this hub knows of another one.
type Other struct {
	Name        string         // of its host
	Instance    string         // of its run
	Version     string         // of its program
	Seen        time.Time      // when it was heard last
	Credentials string         // how they are to those of this hub: access.SameCredentials and the like, or ForeignKey
	Since       time.Time      // since when they are not the same; zero: they are
	Edition     access.Edition // of its credentials
}

// others are the hubs that were heard of late.
type others struct {
	log *slog.Logger

	mu    sync.Mutex
	all   map[string]*other // by instance; guarded by mu
	alien other             // stands for all that have another link key; guarded by mu
}

type other struct {
	Other
	seq    uint64
	told   bool // the difference was logged
	skewed bool // that its clock differs was logged
}

func newOthers(log *slog.Logger) *others { return &others{log: log, all: make(map[string]*other)} }

// heard notes what another hub has said of itself. fresh is false if that is older than what it has said before.
func (o *others) heard(instance string, st state, own access.Edition, now time.Time, t times) (fresh, known bool) {
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
		h = &other{Other: Other{Credentials: Unknown}}
		o.all[instance] = h
	}
	h.seq = st.Seq
	h.Name, h.Instance, h.Version, h.Seen = st.Name, instance, st.Version, now
	if skew := st.Time.Sub(now).Abs(); skew > t.skew { // or somebody sends again what it has said long ago
		if !h.skewed {
			o.log.Warn("the clock of another hub differs from this host's: sessions and links end at another time there",
				"hub", st.Name, "by", skew.Round(time.Second), "remedy", "timedatectl set-ntp true on both")
		}
		h.skewed = true
		return true, known
	}
	h.skewed = false
	h.Edition = st.Credentials
	o.compareLocked(h, own, now)
	return true, known
}

// compare looks at all others again, since the own credentials have changed.
func (o *others) compare(own access.Edition, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.alien = other{}
	for _, h := range o.all {
		if h.Credentials != Unknown {
			o.compareLocked(h, own, now)
		}
	}
}

func (o *others) compareLocked(h *other, own access.Edition, now time.Time) {
	was := h.Credentials
	h.Credentials = own.Compare(h.Edition)
	switch {
	case h.Credentials == access.SameCredentials:
		if h.told {
			o.log.Info("another hub has the same credentials as this one again", "hub", h.Name)
		}
		h.told, h.Since = false, time.Time{}
	case was == access.SameCredentials || was == Unknown:
		h.Since = now
	}
}

// foreign notes that a hub has spoken whose link key is another one.
func (o *others) foreign(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.alien.Since.IsZero() {
		o.alien.Since = now
	}
	o.alien.Seen, o.alien.Credentials = now, ForeignKey
}

// check forgets hubs that say nothing any more, and tells once of those whose credentials stay others.
// It reports whether some should be asked: one that has ended since must not be told of.
func (o *others) check(now time.Time, t times) (ask bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for instance, h := range o.all {
		if now.Sub(h.Seen) > t.forget {
			delete(o.all, instance)
			continue
		}
		if h.Since.IsZero() || h.told || now.Sub(h.Since) < t.grace {
			continue
		}
		ask = ask || h.Seen.Sub(h.Since) < t.grace
		if h.Seen.Sub(h.Since) >= t.grace {
			h.told = true
			o.log.Warn("another hub has other credentials than this one: what was revoked here may be good there", "hub", h.Name,
				"theirs", h.Credentials, "since", h.Since.UTC().Format(time.RFC3339),
				"their_revision", h.Edition.Revision, "their_change", h.Edition.Changed,
				"remedy", Remedy)
		}
	}
	if now.Sub(o.alien.Seen) > t.forget {
		o.alien = other{}
	}
	if !o.alien.told && o.alien.Seen.Sub(o.alien.Since) >= t.grace {
		o.alien.told = true
		o.log.Warn("a hub on this NATS system has another link key than this one: log-outs are not told between the two",
			"remedy", Remedy+"; two systems need two --subject-root")
	}
	return ask
}

// list returns the hubs in order, and one that stands for all with another link key.
func (o *others) list() []Other {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []Other
	for _, h := range o.all {
		all = append(all, h.Other)
	}
	slices.SortFunc(all, func(a, b Other) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Instance, b.Instance))
	})
	if !o.alien.Since.IsZero() {
		all = append(all, o.alien.Other)
	}
	return all
}
