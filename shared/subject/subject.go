// Package subject builds, parses and validates the NATS subjects of the wire protocol. No other package writes one.
//
// The normative text is docs/ref/wire.md.
package subject

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/bramble-cam/bramble/shared/frame"
)

// DefaultRoot is the first token of every subject, unless a shared NATS system needs another one.
const DefaultRoot = "cam"

// Service is the name under which an agent registers each camera as a NATS micro service.
const Service = "camera"

// The last tokens of a camera's subjects, besides the formats.
const (
	Still  = "still"
	Status = "status"
	do     = "do"
)

// hubs is the first token of the subjects between hubs. It cannot be a root, so no right to a camera's subjects covers
// it.
const hubs = "bramble-hub"

// The messages between hubs.
const (
	HubEnded = "ended" // sessions that have ended
	HubState = "state" // a summary of a hub's sessions and credentials
	HubAsk   = "ask"   // requests the state of all hubs
)

// Verb is a request that an agent answers on cam.<id>.do.<verb>.
type Verb string

// The verbs of wire protocol v1.
const (
	Info      Verb = "info"      // the status document
	Snapshot  Verb = "snapshot"  // one stand-alone picture, captured now
	KeyFrame  Verb = "keyframe"  // asks the encoder for a key frame
	Wake      Verb = "wake"      // starts an idle camera without waiting for the next probe
	Configure Verb = "configure" // changes settings of the camera
)

var (
	idPattern   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	rootPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63}){0,3}$`)
)

// ValidateID returns nil if id is a valid camera id, else an error that says what is allowed.
func ValidateID(id string) error {
	if idPattern.MatchString(id) {
		return nil
	}
	if len(id) > 63 {
		id = id[:63] + "..."
	}
	return fmt.Errorf("camera id %q is not allowed: use 1 to 63 of a-z, 0-9 and '-', not starting with '-'", id)
}

// Space is the set of subjects under one root. The zero value uses DefaultRoot.
type Space struct{ root string }

// NewSpace returns the subjects under root; an empty root means DefaultRoot.
func NewSpace(root string) (Space, error) {
	if root == "" {
		root = DefaultRoot
	}
	if first, _, _ := strings.Cut(root, "."); first == hubs {
		return Space{}, fmt.Errorf("subject root %q is not allowed: hubs speak to each other below %s", root, hubs)
	}
	if !rootPattern.MatchString(root) {
		return Space{}, fmt.Errorf(
			"subject root %q is not allowed: use one to four tokens of A-Z, a-z, 0-9, '_' and '-' joined by dots", root)
	}
	return Space{root}, nil
}

// Root returns the root token or tokens.
func (s Space) Root() string {
	if s.root == "" {
		return DefaultRoot
	}
	return s.root
}

// Frames returns the subject of a camera's frames at full rate.
func (s Space) Frames(camera string, f frame.Format) string { return s.join(camera, string(f)) }

// Still returns the subject of a camera's pictures, at most one a second.
func (s Space) Still(camera string) string { return s.join(camera, Still) }

// Status returns the subject of a camera's status documents.
func (s Space) Status(camera string) string { return s.join(camera, Status) }

// AllStatus returns the wildcard subject of the status documents of every camera.
func (s Space) AllStatus() string { return s.join("*", Status) }

// Do returns the subject on which the camera's agent answers a verb.
func (s Space) Do(camera string, v Verb) string { return s.join(camera, do+"."+string(v)) }

// Verbs returns the wildcard subject of all requests to the camera's agent.
func (s Space) Verbs(camera string) string { return s.join(camera, do+".>") }

// Camera returns the wildcard subject of everything that belongs to a camera.
func (s Space) Camera(camera string) string { return s.join(camera, ">") }

// Hub returns the subject of one kind of message between hubs. "*" stands for all of them.
func (s Space) Hub(what string) string { return hubs + "." + s.Root() + "." + what }

// Owns reports whether a subject is in this space. An inbox is not.
func (s Space) Owns(subj string) bool { return strings.HasPrefix(subj, s.Root()+".") }

func (s Space) join(camera, last string) string { return s.Root() + "." + camera + "." + last }

// CameraOf returns the camera id in a subject of this space, or an error if the subject is not of this space or its id
// is not allowed.
func (s Space) CameraOf(subj string) (string, error) {
	rest, ok := strings.CutPrefix(subj, s.Root()+".")
	if !ok {
		return "", fmt.Errorf("subject %q is not below %q", subj, s.Root())
	}
	id, _, _ := strings.Cut(rest, ".")
	return id, ValidateID(id)
}
