package credstore

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io/fs"
	"slices"

	"github.com/bramble-cam/bramble/hub/internal/permission"
)

// Snapshot is a credentials file as the hub looks things up in it. It is immutable.
type Snapshot struct {
	file    File
	users   map[string]User
	tokens  map[string]Token
	clients map[string]NATSClient         // by public key
	groups  map[string][]string           // globs
	grants  map[string][]permission.Grant // of users

	sessionKey, linkKey []byte
	hubKey              []byte // authenticates messages between hubs

	lostUsers, lostClients bool // some existed, and no command has removed them
}

// Load reads a credentials file. A file that is not there is an empty Snapshot.
func Load(name string) (*Snapshot, error) {
	d, _, err := read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return newSnapshot(&File{}), nil
	}
	if err != nil {
		return nil, err
	}
	return newSnapshot(d), nil
}

func newSnapshot(f *File) *Snapshot {
	s := &Snapshot{
		file: *f, users: make(map[string]User), tokens: make(map[string]Token), clients: make(map[string]NATSClient),
		groups: make(map[string][]string), grants: make(map[string][]permission.Grant),
	}
	for _, g := range f.Groups {
		s.groups[g.Name] = g.Cameras
	}
	for _, u := range f.Users {
		s.users[u.Name], s.grants[u.Name] = u, s.resolve(u.Cameras, u.Role)
	}
	for _, t := range f.Tokens {
		s.tokens[t.ID] = t
	}
	for _, a := range f.Agents {
		s.clients[a.Key] = NATSClient{Kind: KindAgent, Name: a.Name, Key: a.Key,
			Cameras: slices.Sorted(slices.Values(a.Cameras))}
	}
	for _, c := range f.Consumers {
		s.clients[c.Key] = s.consumer(c)
	}
	if len(f.LinkKey) > 0 {
		s.sessionKey, s.linkKey = derive(f.LinkKey, "bramble session 1"), derive(f.LinkKey, "bramble link 1")
		s.hubKey = derive(f.LinkKey, "bramble hub 1")
	}
	return s
}

// derive returns a key for one purpose, or the MAC of a text.
func derive(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// Empty reports whether there is no user, agent or consumer. Then authentication is off.
// A file that has lost them is not empty in this sense.
func (s *Snapshot) Empty() bool { return s.AuthDisabled() && len(s.clients) == 0 && !s.lostClients }

// AuthDisabled reports whether user authentication is off: there never were users, or commands have removed all.
func (s *Snapshot) AuthDisabled() bool { return !s.HasUsers() && !s.lostUsers }

// LostUsers reports whether all users are gone although no command has removed them. Then no user can log in.
func (s *Snapshot) LostUsers() bool { return s.lostUsers }

// HasUsers reports whether there is a user, enabled or not, or a mapping.
// A mapping makes users of people that an external provider identifies.
func (s *Snapshot) HasUsers() bool { return len(s.file.Users)+len(s.file.Mappings) > 0 }

// Users returns all users, in the order in which they were added.
func (s *Snapshot) Users() []User { return slices.Clone(s.file.Users) }

// Groups returns all camera groups.
func (s *Snapshot) Groups() []Group { return slices.Clone(s.file.Groups) }

// Mappings returns all mappings.
func (s *Snapshot) Mappings() []Mapping { return slices.Clone(s.file.Mappings) }

// Tokens returns all API tokens.
func (s *Snapshot) Tokens() []Token { return slices.Clone(s.file.Tokens) }

// Agents returns all agents.
func (s *Snapshot) Agents() []Agent { return slices.Clone(s.file.Agents) }

// Consumers returns all consumers.
func (s *Snapshot) Consumers() []Consumer { return slices.Clone(s.file.Consumers) }

// User returns an enabled user.
func (s *Snapshot) User(name string) (User, bool) {
	u, ok := s.users[name]
	return u, ok && u.Enabled
}

// IsDisabled reports whether there is a disabled user of this name.
func (s *Snapshot) IsDisabled(name string) bool {
	u, ok := s.users[name]
	return ok && !u.Enabled
}

// Permissions returns what a user may do.
func (s *Snapshot) Permissions(u User) permission.Set {
	return permission.New(u.Role, s.grants[u.Name])
}

// Token returns an API token by its id.
func (s *Snapshot) Token(id string) (Token, bool) {
	t, ok := s.tokens[id]
	return t, ok
}

// TokenPermissions returns what a token of a user allows.
func (s *Snapshot) TokenPermissions(u User, t Token) permission.Set {
	var globs []string
	if t.Cameras != nil {
		globs = append([]string{}, s.globs(t.Cameras)...) // not nil: a group without cameras allows none
	}
	return s.Permissions(u).Narrow(t.Role, globs)
}

// MappingGrants returns the grants of a mapping.
func (s *Snapshot) MappingGrants(m Mapping) []permission.Grant { return s.resolve(m.Cameras, m.Role) }

// SessionKey signs session cookies. It is nil if there is no file. The caller must not change it.
func (s *Snapshot) SessionKey() []byte { return s.sessionKey }

// LinkKey signs links. It is nil if there is no file. The caller must not change it.
func (s *Snapshot) LinkKey() []byte { return s.linkKey }
