package natsserver

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"golang.org/x/time/rate"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/natsauth"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/internal/loglimit"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Why a connection is refused.
var (
	errNoCredential = errors.New("no credential was shown")
	errBanned       = errors.New("this credential was just used for too many subscriptions or questions")
)

// maxShown bounds texts of clients in the log, in bytes.
const maxShown = 80

// authenticator authenticates NATS clients and remembers those that are connected.
// It implements server.Authentication.
type authenticator struct {
	space     subject.Space
	store     *credstore.Store
	anonymous bool // while there are no credentials, every client may do everything
	log       *slog.Logger
	limiter   *loglimit.Limiter // lines about authenticated clients
	refusals  *loglimit.Limiter // lines about unauthenticated clients, by address
	audited   *auditConns
	server    *server.Server // set before it starts

	mu        sync.Mutex
	internal  map[string]*server.Permissions // of this process, by public key; guarded by mu
	clients   map[uint64]*client             // by connection id; guarded by mu
	banned    map[string]time.Time           // until when a key of the credentials file is refused; guarded by mu
	connRates map[string]*rate.Limiter       // for new connections, by such a key; guarded by mu
}

// client is a connection.
type client struct {
	name      string // agent:porch, consumer:lab, hub, or anonymous (without authentication)
	key       string // public NKey; "" without authentication
	perms     *server.Permissions
	conns     int           // how many connections it may have; 0: any number
	subs      int           // how many subscriptions each of them may have; 0: any number
	pending   *pendingAge   // of a consumer; owned by Run's goroutine
	publishes *publishLimit // of a consumer; guarded by the mu of authenticator
}

func newAuthenticator(cfg Config, anonymous bool) *authenticator {
	return &authenticator{
		space: cfg.Space, store: cfg.Credentials, anonymous: anonymous, log: cfg.Log,
		limiter:  loglimit.New(loglimit.Notices()),
		refusals: loglimit.New(loglimit.Refusals(cfg.Log, "refusals of NATS connections were not logged")),
		audited:  newAuditConns(cfg.Log),
		internal: make(map[string]*server.Permissions), clients: make(map[uint64]*client),
		banned: make(map[string]time.Time), connRates: make(map[string]*rate.Limiter),
	}
}

// issueCredential makes a credential for a part of this process. Without perms it may do everything.
func (a *authenticator) issueCredential(perms func(key string) *server.Permissions) (credential.Credential, error) {
	c, err := credential.New()
	if err != nil {
		return c, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.internal[c.Public()] = perms(c.Public())
	return c, nil
}

// Check implements server.Authentication: it is called for each connection, by a goroutine of that connection.
func (a *authenticator) Check(c server.ClientAuthentication) bool {
	opts := c.GetOpts()
	err := natsauth.VerifySignature(opts.Nkey, opts.Sig, c.GetNonce(), a.known)
	if err == nil {
		err = a.waitTurn(opts.Nkey)
	}
	if err == nil {
		err = a.register(c, opts.Nkey)
	}
	if err == nil {
		if p, ok := a.store.Snapshot().NATSClient(opts.Nkey); ok {
			a.audited.connected(c, p, time.Now())
		}
		return true
	}
	if ok, kept := a.refusals.Allow(netutil.AddressKey(host(c.RemoteAddress())), time.Now()); ok {
		a.log.Warn("NATS connection refused", "audit", "refused", "by", "nkey", "key", printable.Truncate(opts.Nkey,
			maxShown), "client", printable.Truncate(opts.Name, maxShown), "address", host(c.RemoteAddress()),
			logkey.Reason, err.Error(), "remedy", refusedRemedy(err), "kept_back", kept)
	}
	return false
}

func refusedRemedy(err error) error {
	if errors.Is(err, errTooFast) {
		return errors.New("connect once and keep the connection; wait a second before connecting again; " +
			"give each program its own credential")
	}
	if errors.Is(err, errBanned) {
		return fmt.Errorf("use one subscription for each camera and format, and few questions; "+
			"the credential is accepted again in %v", banTime)
	}
	return setting.Errorf(
		"make a credential with \"bramble-hub agent add NAME\" and give it to the agent with {credential-file}")
}

// register admits a connection. If there are too many with the same credential, it cuts the oldest.
// That one may have ended unnoticed.
func (a *authenticator) register(c server.ClientAuthentication, key string) error {
	v, others, err := a.addClient(c, key)
	if err != nil || v.conns == 0 || len(others) < v.conns {
		return err
	}
	live := slices.DeleteFunc(slices.Clone(others), func(id uint64) bool { return a.server.GetClient(id) == nil })
	surplus := live[:max(0, len(live)+1-v.conns)]
	a.forget(append(surplus, slices.DeleteFunc(others, func(id uint64) bool { return slices.Contains(live, id) })...))
	for _, id := range surplus {
		if ok, kept := a.limiter.Allow("connections "+v.name, time.Now()); ok {
			a.log.Warn("oldest NATS connection cut: too many connections use the same credential",
				"name", v.name, "limit", v.conns, "kept_back", kept,
				"remedy", "make a credential for each program with \"bramble-hub agent add\" or \"consumer add\"")
		}
		_ = a.server.DisconnectClientByID(id) // it may have ended by itself
	}
	return nil
}

// addClient remembers a connection and gives it its permissions, in one step.
// A change of the credentials either comes before that or finds the connection.
// It returns the other connections with the same key, the oldest first.
func (a *authenticator) addClient(c server.ClientAuthentication, key string) (v *client, others []uint64, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if v, err = a.identifyLocked(key); err != nil {
		return nil, nil, err
	}
	if time.Now().Before(a.banned[key]) {
		return nil, nil, errBanned
	}
	c.RegisterUser(&server.User{Username: v.name, Permissions: v.perms})
	if v.conns > 0 {
		for id, other := range a.clients {
			if other.key == key {
				others = append(others, id)
			}
		}
	}
	slices.Sort(others)
	a.clients[c.GetID()] = v
	return v, others, nil
}

func (a *authenticator) forget(ids []uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range ids {
		delete(a.clients, id)
	}
}

// excess is a connection that exceeds its limits.
type excess struct {
	id  uint64
	who string
	of  string // the limit that it exceeds
}

// overLimits returns the connections that have too many subscriptions or publish too much.
// It refuses their keys until the given time.
func (a *authenticator) overLimits(conns []*server.ConnInfo, now, until time.Time) (list []excess) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range conns {
		v, of := a.clients[c.Cid], ""
		switch {
		case v == nil:
		case v.subs > 0 && int(c.NumSubs) > v.subs:
			of = fmt.Sprintf("%d subscriptions; its cameras need at most %d", c.NumSubs, v.subs)
		case v.publishes != nil && v.publishes.exceed(now, c.InBytes, c.InMsgs):
			of = fmt.Sprintf("questions: %d with %d bytes since it connected", c.InMsgs, c.InBytes)
		}
		if of != "" {
			a.banned[v.key] = until
			list = append(list, excess{c.Cid, v.name, of})
		}
	}
	return list
}

func (a *authenticator) known(key string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, err := a.identifyLocked(key)
	return err == nil
}

// identifyLocked returns what the holder of a key may do now.
func (a *authenticator) identifyLocked(key string) (*client, error) {
	book := a.store.Snapshot()
	if perms, ok := a.internal[key]; ok {
		return &client{name: "hub", key: key, perms: perms}, nil
	}
	if p, ok := book.NATSClient(key); ok {
		v := &client{
			name: string(p.Kind) + ":" + p.Name, key: key, perms: natsauth.Permissions(a.space, p),
			conns: agentConns, subs: subsFor(len(p.Cameras)),
		}
		if p.Kind == credstore.KindConsumer {
			v.pending, v.conns, v.publishes = &pendingAge{}, consumerConns, newPublishLimit()
		}
		if p.All {
			v.subs = subsFor(cameras(book))
		}
		return v, nil
	}
	switch {
	case book.Empty() && a.anonymous:
		return &client{name: "anonymous", key: key}, nil
	case key == "":
		return nil, errNoCredential
	}
	return nil, natsauth.ErrUnknownKey
}

// cameras returns the number of cameras of all agents in a credentials file.
func cameras(book *credstore.Snapshot) (n int) {
	for _, a := range book.Agents() {
		n += len(a.Cameras)
	}
	return n
}

// revoked returns the connections whose rights are not what they were, and forgets them.
func (a *authenticator) revoked() map[uint64]*client {
	a.mu.Lock()
	defer a.mu.Unlock()
	gone := make(map[uint64]*client)
	for id, v := range a.clients {
		if now, err := a.identifyLocked(v.key); err != nil || now.name != v.name || !reflect.DeepEqual(now.perms, v.perms) {
			gone[id] = v
			delete(a.clients, id)
		} else {
			v.subs = now.subs
		}
	}
	return gone
}

// consumers returns the connections of consumers.
func (a *authenticator) consumers() map[uint64]*client {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := maps.Clone(a.clients)
	maps.DeleteFunc(list, func(_ uint64, v *client) bool { return v.pending == nil })
	return list
}

// prune forgets the connections that are none any more. Only those that were there when known was made are looked for.
func (a *authenticator) prune(open func(id uint64) bool, known map[uint64]*client, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.connRates, func(_ string, pace *rate.Limiter) bool { return pace.TokensAt(now) >= connBurst })
	maps.DeleteFunc(a.banned, func(_ string, until time.Time) bool { return !now.Before(until) })
	for id := range known {
		if !open(id) {
			delete(a.clients, id)
		}
	}
}

func (a *authenticator) all() map[uint64]*client {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.clients)
}

// host returns the address without the port, which is another one each time.
func host(addr net.Addr) string {
	if addr == nil {
		return "?"
	}
	return netutil.Host(addr.String())
}
