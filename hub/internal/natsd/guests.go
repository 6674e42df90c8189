package natsd

import (
	"encoding/base64"
	"errors"
	"log/slog"
	"maps"
	"net"
	"reflect"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/shared/credential"
	"github.com/bramble-cam/bramble/shared/logkey"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Why a connection is refused.
var (
	errNoCredential = errors.New("no credential was shown")
	errUnknownKey   = errors.New("no agent and no consumer has this credential; it was removed, or belongs to another hub")
	errSignature    = errors.New("the credential's signature is wrong")
)

// guests decides who may connect, and remembers who has. It implements server.Authentication.
type guests struct {
	space     subject.Space
	keeper    *access.Keeper
	anonymous bool // while there are no credentials, everybody may do everything
	log       *slog.Logger
	seldom    *access.Seldom

	mu    sync.Mutex
	own   map[string]*server.Permissions // of this process, by public key; guarded by mu
	guest map[uint64]*guest              // by connection id; guarded by mu
}

// guest is a connection.
type guest struct {
	who   string // agent:porch, consumer:lab, hub, or nobody
	key   string // public NKey; "" if nobody was asked
	perms *server.Permissions
	slow  *lag // of a consumer; owned by Run's goroutine
}

func newGuests(cfg Config, anonymous bool) *guests {
	return &guests{
		space: cfg.Space, keeper: cfg.Access, anonymous: anonymous, log: cfg.Log, seldom: access.NewSeldom(),
		own: make(map[string]*server.Permissions), guest: make(map[uint64]*guest),
	}
}

// admit makes a credential for a part of this process. Without perms it may do everything.
func (g *guests) admit(perms func(key string) *server.Permissions) (credential.Credential, error) {
	c, err := credential.New()
	if err != nil {
		return c, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.own[c.Public()] = perms(c.Public())
	return c, nil
}

// Check implements server.Authentication: it is called for each connection, by a goroutine of that connection.
func (g *guests) Check(c server.ClientAuthentication) bool {
	opts := c.GetOpts()
	err := checkSignature(opts.Nkey, opts.Sig, c.GetNonce(), g.knows)
	if err == nil {
		err = g.enter(c, opts.Nkey)
	}
	if err == nil {
		return true
	}
	if ok, kept := g.seldom.Say(host(c.RemoteAddress())+" "+err.Error(), time.Now()); ok {
		g.log.Warn("NATS connection refused", "audit", "refused", "by", "nkey", "key", shown(opts.Nkey), "client", shown(opts.Name), "address", host(c.RemoteAddress()),
			logkey.Reason, err.Error(), "remedy", "\"bramble-hub agent add NAME\" makes a credential, to be given to the agent with --credential-file", "kept_back", kept)
	}
	return false
}

// enter lets a connection in and remembers it, in one step: a change of the credentials finds it, or was before.
func (g *guests) enter(c server.ClientAuthentication, key string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	v, err := g.identifyLocked(key)
	if err != nil {
		return err
	}
	c.RegisterUser(&server.User{Username: v.who, Permissions: v.perms})
	g.guest[c.GetID()] = v
	return nil
}

func (g *guests) knows(key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, err := g.identifyLocked(key)
	return err == nil
}

// identifyLocked returns what the holder of a key may do now.
func (g *guests) identifyLocked(key string) (*guest, error) {
	book := g.keeper.Book()
	if perms, ok := g.own[key]; ok {
		return &guest{who: "hub", key: key, perms: perms}, nil
	}
	if p, ok := book.Peer(key); ok {
		v := &guest{who: string(p.Kind) + ":" + p.Name, key: key, perms: peerPermissions(g.space, p)}
		if p.Kind == access.KindConsumer {
			v.slow = &lag{}
		}
		return v, nil
	}
	switch {
	case book.Empty() && g.anonymous:
		return &guest{who: "nobody", key: key}, nil
	case key == "":
		return nil, errNoCredential
	}
	return nil, errUnknownKey
}

// checkSignature returns nil if the holder of a known key has signed the nonce, or if there is no key.
func checkSignature(key, sig string, nonce []byte, known func(string) bool) error {
	if key == "" {
		return nil
	}
	if !known(key) {
		return errUnknownKey
	}
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil {
		if raw, err = base64.StdEncoding.DecodeString(sig); err != nil { // as nats-server itself allows
			return errSignature
		}
	}
	public, err := nkeys.FromPublicKey(key)
	if err != nil || len(nonce) == 0 || public.Verify(nonce, raw) != nil {
		return errSignature
	}
	return nil
}

// changed returns the connections whose rights are not what they were, and forgets them.
func (g *guests) changed() map[uint64]*guest {
	g.mu.Lock()
	defer g.mu.Unlock()
	gone := make(map[uint64]*guest)
	for id, v := range g.guest {
		if now, err := g.identifyLocked(v.key); err != nil || now.who != v.who || !reflect.DeepEqual(now.perms, v.perms) {
			gone[id] = v
			delete(g.guest, id)
		}
	}
	return gone
}

// consumers returns the connections of consumers.
func (g *guests) consumers() map[uint64]*guest {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := maps.Clone(g.guest)
	maps.DeleteFunc(list, func(_ uint64, v *guest) bool { return v.slow == nil })
	return list
}

// keep forgets the connections that are none any more. Only those that were there when known was made are looked for.
func (g *guests) keep(open func(id uint64) bool, known map[uint64]*guest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for id := range known {
		if !open(id) {
			delete(g.guest, id)
		}
	}
}

func (g *guests) all() map[uint64]*guest {
	g.mu.Lock()
	defer g.mu.Unlock()
	return maps.Clone(g.guest)
}

// host returns the address without the port, which is another one each time.
func host(addr net.Addr) string {
	if addr == nil {
		return "?"
	}
	h, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return h
}

// shown shortens what a stranger wrote, for the log.
func shown(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
