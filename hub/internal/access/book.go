package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Snapshot is a credentials file as the hub looks things up in it. It does not change.
type Snapshot struct {
	doc     File
	users   map[string]User
	tokens  map[string]Token
	clients map[string]NATSClient // by public key
	groups  map[string][]string   // globs
	grants  map[string][]grant    // of users

	sessionKey, linkKey []byte
	hubKey              []byte // authenticates messages between hubs

	lostUsers, lostClients bool // some existed, and no command has removed them
}

// Load reads a credentials file. A file that is not there is an empty Book.
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

func newSnapshot(d *File) *Snapshot {
	b := &Snapshot{
		doc: *d, users: make(map[string]User), tokens: make(map[string]Token), clients: make(map[string]NATSClient),
		groups: make(map[string][]string), grants: make(map[string][]grant),
	}
	for _, g := range d.Groups {
		b.groups[g.Name] = g.Cameras
	}
	for _, u := range d.Users {
		b.users[u.Name], b.grants[u.Name] = u, b.resolve(u.Cameras, u.Role)
	}
	for _, t := range d.Tokens {
		b.tokens[t.ID] = t
	}
	for _, a := range d.Agents {
		b.clients[a.Key] = NATSClient{Kind: KindAgent, Name: a.Name, Key: a.Key, Cameras: slices.Sorted(slices.Values(a.Cameras))}
	}
	for _, c := range d.Consumers {
		b.clients[c.Key] = b.consumer(c)
	}
	if len(d.LinkKey) > 0 {
		b.sessionKey, b.linkKey = derive(d.LinkKey, "bramble session 1"), derive(d.LinkKey, "bramble link 1")
		b.hubKey = derive(d.LinkKey, "bramble hub 1")
	}
	return b
}

func derive(key []byte, purpose string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// Empty reports whether there is no user, agent or consumer. Then authentication is off.
// A file that has lost them is not empty in this sense.
func (b *Snapshot) Empty() bool { return b.Open() && len(b.clients) == 0 && !b.lostClients }

// Open reports whether user authentication is off: there never were users, or commands have removed all of them.
func (b *Snapshot) Open() bool { return !b.HasUsers() && !b.lostUsers }

// LostUsers reports whether all users are gone although no command has removed them. Then no user can log in.
func (b *Snapshot) LostUsers() bool { return b.lostUsers }

// HasUsers reports whether there is a user, enabled or not, or a mapping.
// A mapping makes users of people that an external provider identifies.
func (b *Snapshot) HasUsers() bool { return len(b.doc.Users)+len(b.doc.Mappings) > 0 }

// Users returns all users, in the order in which they were added.
func (b *Snapshot) Users() []User { return slices.Clone(b.doc.Users) }

// Groups returns all camera groups.
func (b *Snapshot) Groups() []Group { return slices.Clone(b.doc.Groups) }

// Mappings returns all mappings.
func (b *Snapshot) Mappings() []Mapping { return slices.Clone(b.doc.Mappings) }

// CanSign reports whether there is a key that signs sessions and links.
func (b *Snapshot) CanSign() bool { return b.sessionKey != nil }

// Tokens returns all API tokens.
func (b *Snapshot) Tokens() []Token { return slices.Clone(b.doc.Tokens) }

// Agents returns all agents.
func (b *Snapshot) Agents() []Agent { return slices.Clone(b.doc.Agents) }

// Consumers returns all consumers.
func (b *Snapshot) Consumers() []Consumer { return slices.Clone(b.doc.Consumers) }

// user returns an enabled user.
func (b *Snapshot) user(name string) (User, bool) {
	u, ok := b.users[name]
	return u, ok && u.Enabled
}

func (b *Snapshot) principal(u User, by string) Principal {
	return Principal{Name: u.Name, Role: u.Role, Method: by, grants: b.grants[u.Name], generation: u.generation()}
}

// generation changes with everything about a user that ends his sessions: password, role, removal.
func (u User) generation() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{u.Name, string(u.Role), u.Hash, fmt.Sprint(u.Enabled)}, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// ClientKind tells agents from consumers.
type ClientKind string

// The kinds of peers.
const (
	KindAgent    ClientKind = "agent"
	KindConsumer ClientKind = "consumer"
)

// NATSClient is somebody who connects to NATS.
type NATSClient struct {
	Kind    ClientKind
	Name    string
	Key     string   // public NKey
	All     bool     // a consumer who is granted every camera, by *
	Cameras []string // else these, by id and sorted
}

// NATSClient returns whose public NKey this is.
func (b *Snapshot) NATSClient(key string) (NATSClient, bool) {
	p, ok := b.clients[key]
	return p, ok
}

// consumer spells a consumer's globs out, for NATS has none within a token: they mean the cameras of all agents in the file.
func (b *Snapshot) consumer(c Consumer) NATSClient {
	globs := b.globs(c.Cameras)
	p := NATSClient{Kind: KindConsumer, Name: c.Name, Key: c.Key, All: slices.Contains(globs, "*")}
	if p.All {
		return p
	}
	for _, g := range globs {
		if !strings.Contains(g, "*") {
			p.Cameras = append(p.Cameras, g)
		}
	}
	for _, a := range b.doc.Agents {
		for _, camera := range a.Cameras {
			if granted(globs, camera) {
				p.Cameras = append(p.Cameras, camera)
			}
		}
	}
	slices.Sort(p.Cameras)
	p.Cameras = slices.Compact(p.Cameras)
	return p
}
