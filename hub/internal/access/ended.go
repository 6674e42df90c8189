package access

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// maxEndedOfUser bounds how many logged-out sessions of one user are remembered individually.
	maxEndedOfUser = 256

	// maxEnded bounds how many are remembered in total.
	maxEnded = 32768

	// maxEndedName bounds the name of a user in an EndedSession, in bytes.
	maxEndedName = 256

	// EndedBuckets is the number of parts in which two hubs compare their ended sessions.
	EndedBuckets = 64
)

// EndedSession is a session that a logout has ended.
// Without an ID it stands for all sessions of the user that began before Login.
// Without a User it stands for such sessions of all users.
type EndedSession struct {
	User  string `json:"u,omitempty"`
	ID    string `json:"i,omitempty"`
	Login int64  `json:"l"` // when the session began, in Unix seconds
}

// Validate refuses values that no hub writes.
func (e EndedSession) Validate() error {
	switch id, err := hex.DecodeString(e.ID); {
	case e.ID != "" && (err != nil || len(id) != sessionIDSize || e.User == ""):
		return errors.New("an ended session has an id of 32 hexadecimal digits and a user")
	case len(e.User) > maxEndedName || !utf8.ValidString(e.User) || strings.ContainsFunc(e.User, unicode.IsControl):
		return fmt.Errorf("an ended session has a user's name of up to %d bytes, without control characters", maxEndedName)
	case e.Login <= 0 || e.Login >= 1<<40:
		return errors.New("an ended session has the time of its login, in Unix seconds")
	}
	return nil
}

// Bucket returns the part of all ended sessions that this one belongs to. One user's sessions share a bucket.
func (e EndedSession) Bucket() int {
	sum := sha256.Sum256([]byte(e.User))
	return int(sum[0]) % EndedBuckets
}

// endedSet holds ended sessions, in bounded memory.
// It never forgets that a session has ended. A floor covers what it drops: sessions from logins before it have ended.
// Only a user's own log-outs raise that user's floor, as long as there is room for a session of each user.
type endedSet struct {
	floor int64 // of all users, Unix seconds
	users map[string]*endedOfUser
	count int // ids and floors of users
}

type endedOfUser struct {
	floor int64
	ids   map[string]int64 // when the session began, by its id
}

func newEndedSet() *endedSet { return &endedSet{users: make(map[string]*endedOfUser)} }

// has reports whether a session has ended.
func (s *endedSet) has(user, id string, login int64) bool {
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
func (s *endedSet) add(e EndedSession) bool {
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
		if s.has(e.User, e.ID, e.Login) {
			return false
		}
		u := s.of(e.User)
		u.ids[e.ID] = e.Login
		s.count++
		if len(u.ids) > maxEndedOfUser {
			s.dropOldest(e.User)
		}
	}
	for s.count > maxEnded {
		s.makeRoom()
	}
	return true
}

func (s *endedSet) of(user string) *endedOfUser {
	u := s.users[user]
	if u == nil {
		u = &endedOfUser{ids: make(map[string]int64)}
		s.users[user] = u
	}
	return u
}

// raise ends all sessions of a user that began before floor.
func (s *endedSet) raise(user string, floor int64) {
	u := s.of(user)
	if u.floor == 0 {
		s.count++
	}
	u.floor = floor
	s.forget(user, u)
}

// raiseAll ends all sessions of all users that began before floor.
func (s *endedSet) raiseAll(floor int64) {
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
func (s *endedSet) forget(name string, u *endedOfUser) {
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
func (s *endedSet) dropOldest(user string) {
	oldest := int64(1 << 62)
	for _, login := range s.users[user].ids {
		oldest = min(oldest, login)
	}
	s.raise(user, oldest+1)
}

// makeRoom drops the older half of the sessions of the user with the most.
// If no user has more than two, the floor of all users rises to cover the oldest ones.
func (s *endedSet) makeRoom() {
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
func (s *endedSet) prune(now time.Time) {
	end := now.Add(-sessionMax).Unix() // logins until then are no longer valid
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
func (s *endedSet) list(wanted func(bucket int) bool) []EndedSession {
	var all []EndedSession
	put := func(e EndedSession) {
		if wanted(e.Bucket()) {
			all = append(all, e)
		}
	}
	if s.floor > 0 {
		put(EndedSession{Login: s.floor})
	}
	for name, u := range s.users {
		if u.floor > 0 {
			put(EndedSession{User: name, Login: u.floor})
		}
		for id, login := range u.ids {
			put(EndedSession{name, id, login})
		}
	}
	slices.SortFunc(all, func(a, b EndedSession) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// digests returns a digest of each bucket, to find the buckets in which two sets differ.
// The floor of all users is not included.
func (s *endedSet) digests() (all [EndedBuckets]uint64) {
	for _, e := range s.list(func(int) bool { return true }) {
		if e.User == "" {
			continue
		}
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", e.User, e.ID, e.Login))
		all[e.Bucket()] ^= binary.BigEndian.Uint64(sum[:])
	}
	return all
}
