// Package natsauth says what agents and consumers may do on NATS, and verifies that they hold their keys.
// Who is connected, and the limits of connections, belong to package natsserver.
package natsauth

import (
	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Permissions are what an agent or a consumer may publish and subscribe. docs/ref/wire.md has the table.
func Permissions(space subject.Space, p credstore.NATSClient) *server.Permissions {
	if p.Kind == credstore.KindAgent {
		return AgentPermissions(space, p.Key, p.Cameras)
	}
	return consumerPermissions(space, p)
}

// AgentPermissions allows an agent everything of its own cameras, and answers to inboxes.
// It also allows its own inbox and the questions to a micro service; nothing else.
//
// There is no Response permission.
// With it, nats-server would let an agent publish to the reply subject of every message that it receives.
// An agent that asks itself a question chooses that subject, for example a subject of another agent's camera.
func AgentPermissions(space subject.Space, key string, cameras []string) *server.Permissions {
	own := credential.AgentInboxPrefix(key) + ".>"
	publish := &server.SubjectPermission{Allow: []string{credential.AllInboxes, own}}
	subscribe := &server.SubjectPermission{Allow: []string{own}}
	for _, verb := range []string{"PING", "INFO", "STATS"} {
		srv := "$SRV." + verb
		subscribe.Allow = append(subscribe.Allow, srv, srv+"."+subject.Service, srv+"."+subject.Service+".*")
	}
	for _, c := range cameras {
		publish.Allow = append(publish.Allow, space.Camera(c))
		subscribe.Allow = append(subscribe.Allow, space.Verbs(c))
	}
	return &server.Permissions{Publish: publish, Subscribe: subscribe}
}

// consumerPermissions: the pictures and the status of granted cameras, and the verbs that change nothing.
func consumerPermissions(space subject.Space, p credstore.NATSClient) *server.Permissions {
	publish := &server.SubjectPermission{Allow: []string{}} // nil would allow everything
	subscribe := &server.SubjectPermission{Allow: []string{credential.InboxPrefix(p.Key) + ".>"}}
	cameras := p.Cameras
	if p.All {
		cameras = []string{"*"}
	}
	for _, c := range cameras {
		subscribe.Allow = append(subscribe.Allow,
			space.Frames(c, frame.JPEG), space.Frames(c, frame.H264), space.Still(c), space.Status(c))
		for _, verb := range []subject.Verb{subject.Info, subject.Snapshot, subject.Wake} {
			publish.Allow = append(publish.Allow, space.Do(c, verb))
		}
	}
	return &server.Permissions{Publish: publish, Subscribe: subscribe}
}
