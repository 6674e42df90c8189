package natsd

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/shared/credential"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// answerTime is how long an agent may take for an answer: a snapshot of a cold camera needs 5 s.
const answerTime = 10 * time.Second

// peerPermissions are what an agent or a consumer may publish and subscribe. docs/design/security.md has the table.
func peerPermissions(space subject.Space, p access.Peer) *server.Permissions {
	if p.Kind == access.KindAgent {
		return agentPermissions(space, p.Key, p.Cameras)
	}
	return consumerPermissions(space, p)
}

// agentPermissions: everything of its own cameras, answers to what it is asked, its own inbox, and what a micro service needs; nothing else.
func agentPermissions(space subject.Space, key string, cameras []string) *server.Permissions {
	publish := &server.SubjectPermission{}
	subscribe := &server.SubjectPermission{Allow: inbox(key)}
	for _, verb := range []string{"PING", "INFO", "STATS"} {
		srv := "$SRV." + verb
		subscribe.Allow = append(subscribe.Allow, srv, srv+"."+subject.Service, srv+"."+subject.Service+".*")
	}
	for _, c := range cameras {
		publish.Allow = append(publish.Allow, space.Camera(c))
		subscribe.Allow = append(subscribe.Allow, space.Verbs(c))
	}
	return &server.Permissions{
		Publish: publish, Subscribe: subscribe,
		// A question to all services comes once for each camera, with the same reply subject. nats-server counts what is answered there, and each time that
		// the question comes again.
		Response: &server.ResponsePermission{MaxMsgs: max(1, 2*len(cameras)), Expires: answerTime},
	}
}

// consumerPermissions: the pictures and the status of granted cameras, and the verbs that change nothing.
func consumerPermissions(space subject.Space, p access.Peer) *server.Permissions {
	publish := &server.SubjectPermission{Allow: []string{}} // nil would allow everything
	subscribe := &server.SubjectPermission{Allow: inbox(p.Key)}
	cameras := p.Cameras
	if p.All {
		cameras = []string{"*"}
	}
	for _, c := range cameras {
		subscribe.Allow = append(subscribe.Allow, space.Frames(c, frame.JPEG), space.Frames(c, frame.H264), space.Still(c), space.Status(c))
		for _, verb := range []subject.Verb{subject.Info, subject.Snapshot, subject.Wake} {
			publish.Allow = append(publish.Allow, space.Do(c, verb))
		}
	}
	return &server.Permissions{Publish: publish, Subscribe: subscribe}
}

func inbox(key string) []string { return []string{credential.InboxPrefix(key) + ".>"} }
