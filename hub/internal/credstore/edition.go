package credstore

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// HubKey authenticates messages between the hubs that share this file. It is nil if there is no file.
func (s *Snapshot) HubKey() []byte { return slices.Clone(s.hubKey) }

// Edition identifies the content of a credentials file. It tells which of two files is newer.
type Edition struct {
	Digest   string    `json:"digest"`   // of the content, with a key derived from the link key
	Revision uint64    `json:"revision"` // how often a command has changed it; 0: written by an older program
	Changed  time.Time `json:"changed,omitzero"`
}

// Edition returns the file's edition. It is zero if there is no file.
func (s *Snapshot) Edition() (Edition, error) {
	if s.hubKey == nil {
		return Edition{}, nil
	}
	f := s.file
	f.Version, f.Revision, f.Changed = 0, 0, time.Time{}
	f.Groups = inOrder(f.Groups, func(g Group) string { return g.Name })
	f.Users = inOrder(f.Users, func(u User) string { return u.Name })
	f.Tokens = inOrder(f.Tokens, func(t Token) string { return t.ID })
	f.Agents = inOrder(f.Agents, func(a Agent) string { return a.Name })
	f.Consumers = inOrder(f.Consumers, func(c Consumer) string { return c.Name })
	text, err := json.Marshal(f)
	if err != nil {
		return Edition{}, err
	}
	digest := derive(derive(f.LinkKey, "bramble credentials digest 1"), string(text))
	return Edition{hex.EncodeToString(digest), s.file.Revision, s.file.Changed}, nil
}

// inOrder sorts a list by name, so that the order in which entries were added does not matter.
func inOrder[T any](list []T, name func(T) string) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.SortedFunc(slices.Values(list), func(a, b T) int { return strings.Compare(name(a), name(b)) })
}

// How another hub's credentials relate to those of this hub.
const (
	SameCredentials  = "same"
	NewerCredentials = "newer"
	OlderCredentials = "older"
	OtherCredentials = "other" // both were changed
)

// Compare returns how the credentials of another hub relate to those of this hub.
func (e Edition) Compare(other Edition) string {
	switch {
	case e.Digest == other.Digest:
		return SameCredentials
	case other.Revision > e.Revision:
		return NewerCredentials
	case other.Revision < e.Revision:
		return OlderCredentials
	}
	return OtherCredentials
}
