package credstore

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Agent may publish cameras, and serve them.
type Agent struct {
	Name    string   `json:"name"`
	Cameras []string `json:"cameras"` // ids, no globs: NATS has none within a token
	Key     string   `json:"key"`     // public NKey
}

// Consumer may subscribe to cameras.
type Consumer struct {
	Name    string   `json:"name"`
	Cameras []string `json:"cameras"` // globs and @GROUPs
	Key     string   `json:"key"`
}

// AddAgent lets an agent publish cameras, and returns its credential, of which only the public half is kept.
func (f *File) AddAgent(name string, cameras []string) (credential.Credential, error) {
	if _, err := index(f.Agents, "agent", name, func(a Agent) string { return a.Name }); err == nil {
		return credential.Credential{}, fmt.Errorf("there is an agent %q already: "+
			"remove it first if its credential is lost, or should be another", name)
	}
	for _, a := range f.Agents {
		for _, camera := range cameras {
			if slices.Contains(a.Cameras, camera) {
				return credential.Credential{}, fmt.Errorf("camera %s belongs to agent %s already: "+
					"remove that agent first", camera, a.Name)
			}
		}
	}
	c, err := credential.New()
	if err != nil {
		return c, err
	}
	f.Agents = append(f.Agents, Agent{Name: name, Cameras: cameras, Key: c.Public()})
	return c, f.validateNATSClients()
}

// RemoveAgent removes an agent: its credential opens nothing any more.
func (f *File) RemoveAgent(name string) error {
	i, err := index(f.Agents, "agent", name, func(a Agent) string { return a.Name })
	if err != nil {
		return err
	}
	f.Agents = slices.Delete(f.Agents, i, i+1)
	return nil
}

// AddConsumer lets a consumer subscribe to cameras, and returns its credential, of which only the public half is kept.
func (f *File) AddConsumer(name string, cameras []string) (credential.Credential, error) {
	if _, err := index(f.Consumers, "consumer", name, func(c Consumer) string { return c.Name }); err == nil {
		return credential.Credential{}, fmt.Errorf("there is a consumer %q already: "+
			"remove it first if its credential is lost, or should be another", name)
	}
	c, err := credential.New()
	if err != nil {
		return c, err
	}
	f.Consumers = append(f.Consumers, Consumer{Name: name, Cameras: cameras, Key: c.Public()})
	return c, f.validateNATSClients()
}

// RemoveConsumer removes a consumer.
func (f *File) RemoveConsumer(name string) error {
	i, err := index(f.Consumers, "consumer", name, func(c Consumer) string { return c.Name })
	if err != nil {
		return err
	}
	f.Consumers = slices.Delete(f.Consumers, i, i+1)
	return nil
}
func (f *File) validateNATSClients() error {
	keys, cameras := make(map[string]bool), make(map[string]bool)
	names := make(map[string]bool)
	for _, a := range f.Agents {
		err := errors.Join(unique(names, "agent", a.Name), uniqueKey(keys, a.Key))
		if len(a.Cameras) == 0 {
			err = errors.Join(err, errors.New("it has no cameras"))
		}
		for _, c := range a.Cameras {
			err = errors.Join(err, subject.ValidateID(c))
			if cameras[c] {
				err = errors.Join(err, fmt.Errorf("camera %s is given to two agents, or twice to one: "+
					"take it from one of them", printable.Short(c)))
			}
			cameras[c] = true
		}
		if err != nil {
			return fmt.Errorf("agent %q: %w", printable.Short(a.Name), err)
		}
	}
	names = make(map[string]bool)
	for _, c := range f.Consumers {
		err := errors.Join(unique(names, "consumer", c.Name), uniqueKey(keys, c.Key),
			validateSelection("consumer", c.Cameras))
		if err != nil {
			return fmt.Errorf("consumer %q: %w", printable.Short(c.Name), err)
		}
	}
	return nil
}

func uniqueKey(seen map[string]bool, key string) error {
	if !nkeys.IsValidPublicUserKey(key) {
		return fmt.Errorf("key %q is no public NKey of a user", printable.Short(key))
	}
	if seen[key] {
		return errors.New("another one has the same key")
	}
	seen[key] = true
	return nil
}

// ClientKind tells agents from consumers.
type ClientKind string

// The kinds of NATS clients.
const (
	KindAgent    ClientKind = "agent"
	KindConsumer ClientKind = "consumer"
)

// NATSClient is an agent or a consumer, as NATS knows it.
type NATSClient struct {
	Kind    ClientKind
	Name    string
	Key     string   // public NKey
	All     bool     // a consumer that is granted every camera, by *
	Cameras []string // else these, by id and sorted
}

// NATSClient returns the agent or consumer with a public NKey.
func (s *Snapshot) NATSClient(key string) (NATSClient, bool) {
	p, ok := s.clients[key]
	return p, ok
}

// consumer expands the globs of a consumer to the cameras of all agents in the file: NATS has no globs within a token.
func (s *Snapshot) consumer(c Consumer) NATSClient {
	globs := s.globs(c.Cameras)
	p := NATSClient{Kind: KindConsumer, Name: c.Name, Key: c.Key, All: slices.Contains(globs, "*")}
	if p.All {
		return p
	}
	for _, g := range globs {
		if !strings.Contains(g, "*") {
			p.Cameras = append(p.Cameras, g)
		}
	}
	for _, a := range s.file.Agents {
		for _, camera := range a.Cameras {
			if permission.Match(globs, camera) {
				p.Cameras = append(p.Cameras, camera)
			}
		}
	}
	slices.Sort(p.Cameras)
	p.Cameras = slices.Compact(p.Cameras)
	return p
}
