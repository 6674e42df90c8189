package access

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// HubKey authenticates messages between the hubs that share this file. It is nil if there is no file.
func (b *Snapshot) HubKey() []byte { return slices.Clone(b.hubKey) }

// Edition identifies the content of a credentials file. It tells which of two files is newer.
type Edition struct {
	Digest   string    `json:"digest"`   // of the content, with a key derived from the link key
	Revision uint64    `json:"revision"` // how often a command has changed it; 0: written by an older program
	Changed  time.Time `json:"changed,omitzero"`
}

// Edition returns the file's edition. It is zero if there is no file.
func (b *Snapshot) Edition() (Edition, error) {
	if b.hubKey == nil {
		return Edition{}, nil
	}
	d := b.doc
	d.Version, d.Revision, d.Changed = 0, 0, time.Time{}
	d.Groups = inOrder(d.Groups, func(g Group) string { return g.Name })
	d.Users = inOrder(d.Users, func(u User) string { return u.Name })
	d.Tokens = inOrder(d.Tokens, func(t Token) string { return t.ID })
	d.Agents = inOrder(d.Agents, func(a Agent) string { return a.Name })
	d.Consumers = inOrder(d.Consumers, func(c Consumer) string { return c.Name })
	text, err := json.Marshal(d)
	if err != nil {
		return Edition{}, err
	}
	digest := sign(derive(d.LinkKey, "bramble credentials digest 1"), string(text))
	return Edition{hex.EncodeToString(digest), b.doc.Revision, b.doc.Changed}, nil
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
