package endedsessions

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/session"
)

const (
	// maxPerUser bounds how many logged-out sessions of one user are remembered individually.
	maxPerUser = 256

	// maxEntries bounds how many are remembered in total.
	maxEntries = 32768
)

// set holds ended sessions, in bounded memory.
// It never forgets that a session has ended. A floor covers what it drops: sessions from logins before it have ended.
// Only a user's own log-outs raise that user's floor, as long as there is room for a session of each user.
type set struct {
	floor int64 // of all users, Unix seconds
	users map[string]*userEntries
	count int // ids and floors of users
}

type userEntries struct {
	floor int64
	ids   map[string]int64 // when the session began, by its id
}

func newSet() *set { return &set{users: make(map[string]*userEntries)} }

// contains reports whether a session has ended.
func (s *set) contains(user, id string, login int64) bool {
	if login < s.floor {
		return true
	}
	u := s.users[user]
	if u == nil {
		return false
	}
	_, ok := u.ids[id]
	return ok || login < u.floor
}

// add remembers an ended session and reports whether it was unknown.
func (s *set) add(e Entry) bool {
	switch {
	case e.User == "":
		if e.Login <= s.floor {
			return false
		}
		s.raiseAll(e.Login)
		return true
	case e.ID == "":
		if e.Login <= s.floor || s.users[e.User] != nil && e.Login <= s.users[e.User].floor {
			return false
		}
		s.raise(e.User, e.Login)
	default:
		if s.contains(e.User, e.ID, e.Login) {
			return false
		}
		u := s.of(e.User)
		u.ids[e.ID] = e.Login
		s.count++
		if len(u.ids) > maxPerUser {
			s.dropOldest(e.User)
		}
	}
	for s.count > maxEntries {
		s.evict()
	}
	return true
}

func (s *set) of(user string) *userEntries {
	u := s.users[user]
	if u == nil {
		u = &userEntries{ids: make(map[string]int64)}
		s.users[user] = u
	}
	return u
}

// raise ends all sessions of a user that began before floor.
func (s *set) raise(user string, floor int64) {
	u := s.of(user)
	if u.floor == 0 {
		s.count++
	}
	u.floor = floor
	s.forget(user, u)
}

// raiseAll ends all sessions of all users that began before floor.
func (s *set) raiseAll(floor int64) {
	s.floor = floor
	for name, u := range s.users {
		if u.floor > 0 && u.floor <= floor {
			u.floor = 0
			s.count--
		}
		s.forget(name, u)
	}
}

// forget drops entries that a floor covers.
func (s *set) forget(name string, u *userEntries) {
	for id, login := range u.ids {
		if login < max(s.floor, u.floor) {
			delete(u.ids, id)
			s.count--
		}
	}
	if u.floor == 0 && len(u.ids) == 0 {
		delete(s.users, name)
	}
}

// dropOldest drops a user's oldest ended session and raises the user's floor to cover it.
func (s *set) dropOldest(user string) {
	oldest := int64(1 << 62)
	for _, login := range s.users[user].ids {
		oldest = min(oldest, login)
	}
	s.raise(user, oldest+1)
}

// evict drops the older half of the sessions of the user with the most.
// If no user has more than two, the floor of all users rises to cover the oldest ones.
func (s *set) evict() {
	heaviest, most := "", 0
	var times []int64
	for name, u := range s.users {
		if n := len(u.ids); n > most || n == most && name < heaviest {
			heaviest, most = name, n
		}
	}
	if most > 2 {
		times = slices.Sorted(maps.Values(s.users[heaviest].ids))
		s.raise(heaviest, times[len(times)/2]+1)
		return
	}
	for _, u := range s.users {
		if u.floor > 0 {
			times = append(times, u.floor)
		}
		times = slices.AppendSeq(times, maps.Values(u.ids))
	}
	slices.Sort(times)
	s.raiseAll(times[len(times)/16] + 1)
}

// prune drops sessions that would have expired by now anyway.
// The floor of all users covers them: no session returns if the clock is set back.
func (s *set) prune(now time.Time) {
	end := now.Add(-session.MaxLife).Unix() // logins until then are no longer valid
	floor := s.floor
	for _, u := range s.users {
		if u.floor > 0 && u.floor <= end {
			floor = max(floor, u.floor)
		}
		for _, login := range u.ids {
			if login <= end {
				floor = max(floor, login+1)
			}
		}
	}
	if floor > s.floor {
		s.raiseAll(floor)
	}
}

// list returns all entries of the wanted buckets, in order.
func (s *set) list(wanted func(bucket int) bool) []Entry {
	var all []Entry
	put := func(e Entry) {
		if wanted(e.Bucket()) {
			all = append(all, e)
		}
	}
	if s.floor > 0 {
		put(Entry{Login: s.floor})
	}
	for name, u := range s.users {
		if u.floor > 0 {
			put(Entry{User: name, Login: u.floor})
		}
		for id, login := range u.ids {
			put(Entry{name, id, login})
		}
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// digests returns a digest of each bucket, to find the buckets in which two sets differ.
// The floor of all users is not included.
func (s *set) digests() (all [Buckets]uint64) {
	for _, e := range s.list(func(int) bool { return true }) {
		if e.User == "" {
			continue
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", e.User, e.ID, e.Login))
		all[e.Bucket()] ^= binary.BigEndian.Uint64(sum[:])
	}
	return all
}
