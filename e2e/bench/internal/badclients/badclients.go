//go:build linux

// Package badclients plays clients that harm a hub, in a process of their own so that good viewers do not wait for
// them: viewers that do not read, half requests, agents that flood. It measures nothing; that is what package scenario
// does.
package badclients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The kinds of bad clients.
const (
	Stalled = "stalled" // viewers who read the response's header and nothing more
	Slow    = "slow"    // viewers who then read a byte a second
	Half    = "half"    // connections that send a request's header a byte a second, and come again when they are closed
	Storm   = "storm"   // viewers who leave when they have a picture, and come again at once
	Flood   = "flood"   // an agent that sends more frames than a camera has
	// an agent that sends messages above the server's max_payload, and connects again when it is thrown out.
	TooBig = "too big"

	DeepSubjects  = "deep subjects" // a client of NATS that subscribes to subjects of many tokens
	Subscriptions = "subscriptions" // a consumer that subscribes many times to the frames of a camera
	Connections   = "connections"   // a consumer that connects many times, for the frames of a camera
	Questions     = "questions"     // a consumer that asks the agent of a camera without a pause
	StatusFlood   = "status flood"  // an agent that sends large status documents
	// an agent whose status and pictures hold control characters, HTML and a boundary of multipart.
	Hostile  = "hostile strings"
	Forger   = "forged replies"   // an agent that asks itself, with the subject of another's frames for the answer
	Requests = "requests"         // viewers that send requests without a pause
	Guesses  = "password guesses" // clients without a credential that guess a password, through a proxy
)

// Group is a number of bad clients of one kind. Which fields count depends on the kind.
type Group struct {
	Kind string
	N    int    // viewers or connections
	URL  string // of the stream that they ask for

	URLs  []string // of requests, one after the other
	Token string   // an API token that they show; "" for none

	NATS, Seed string // of a client of NATS
	Consumer   bool   // the seed is a consumer's, not an agent's
	Camera     string // an agent's own
	Target     string // the camera that it is about, of others
	Verb       string // of a question
	Depth      int    // tokens of a subject, or bytes of a status document

	Size      int // bytes of an agent's frames
	PerSecond int // its frames
	Viewers   int // good ones of that camera at URL, who belong to the group
}

// Outcome is what has become of a group.
type Outcome struct {
	Kind      string
	Came      int            // connections that were made
	Closed    int            // of them, by the hub
	Pictures  int            // that its viewers have seen
	Published int            // messages that its agent has handed to its connection
	Answered  int            // requests and questions that were answered with what was asked for
	Bytes     int            // of that
	Answers   map[string]int `json:",omitempty"` // other than what was asked for
}

// String tells an outcome in a line.
func (o Outcome) String() string {
	text := o.Kind + ":"
	if o.Came > 0 { // else they are not counted
		text += fmt.Sprintf(" %d connections, %d of them closed by the server,", o.Came, o.Closed)
	}
	if o.Pictures > 0 {
		text += fmt.Sprintf(" %d pictures seen,", o.Pictures)
	}
	if o.Published > 0 {
		text += fmt.Sprintf(" %d messages published,", o.Published)
	}
	if o.Answered > 0 {
		text += fmt.Sprintf(" %d answers of %.1f MB,", o.Answered, float64(o.Bytes)/1e6)
	}
	for _, answer := range slices.Sorted(maps.Keys(o.Answers)) {
		text += fmt.Sprintf(" %d × %q,", o.Answers[answer], answer)
	}
	return strings.TrimRight(text, ":,")
}

// Ready is what Run writes when the groups begin.
const Ready = "ready\n"

// outcome is in front of what has become of them.
const outcome = "outcome "

// EncodeGroups encodes groups for Run.
func EncodeGroups(groups []Group) (string, error) {
	data, err := json.Marshal(groups)
	return string(data), err
}

// Run runs the groups of EncodeGroups until ctx ends, and writes their outcomes to out.
func Run(ctx context.Context, encoded string, out io.Writer) error {
	var groups []Group
	if err := json.Unmarshal([]byte(encoded), &groups); err != nil {
		return fmt.Errorf("groups: %w", err)
	}
	var clients []*client
	for _, p := range groups {
		g, err := newClient(p)
		if err != nil {
			return err
		}
		clients = append(clients, g)
	}
	if _, err := io.WriteString(out, Ready); err != nil {
		return err
	}
	var running sync.WaitGroup
	faults := make([]error, len(clients))
	for i, g := range clients {
		running.Go(func() { faults[i] = g.misbehave(ctx) })
	}
	running.Wait()
	if err := errors.Join(faults...); err != nil {
		return err
	}
	var outcomes []Outcome
	for _, g := range clients {
		outcomes = append(outcomes, g.outcome)
	}
	data, err := json.Marshal(outcomes)
	if err == nil {
		_, err = fmt.Fprintf(out, "%s%s\n", outcome, data)
	}
	return err
}

// Outcomes finds in what Run has written what has become of the groups.
func Outcomes(said string) (list []Outcome, err error) {
	_, data, ok := strings.Cut(said, outcome)
	if !ok {
		return nil, fmt.Errorf("the bad clients do not say how they fared, but:\n%s", said)
	}
	data, _, _ = strings.Cut(data, "\n")
	err = json.Unmarshal([]byte(data), &list)
	return list, err
}
