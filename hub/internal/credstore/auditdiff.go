package credstore

import (
	"bytes"
	"reflect"
	"strings"
)

// change is an audit line about the credentials file.
type change struct {
	text string
	args []any
}

// changes returns what is different in two Snapshots, without secrets.
func changes(old, b *Snapshot) (list []change) {
	if len(old.file.LinkKey) > 0 && !bytes.Equal(old.file.LinkKey, b.file.LinkKey) {
		list = append(list, change{"link key renewed: all links and sessions have ended", []any{"audit", "key.change"}})
	}
	list = append(list, diff("group", old.file.Groups, b.file.Groups, func(g Group) (string, []any) {
		return g.Name, []any{"cameras", strings.Join(g.Cameras, ",")}
	})...)
	list = append(list, diff("mapping", old.file.Mappings, b.file.Mappings, func(m Mapping) (string, []any) {
		return m.Who, []any{"role", m.Role, "cameras", strings.Join(m.Cameras, ",")}
	})...)
	list = append(list, diff("user", old.file.Users, b.file.Users, func(u User) (string, []any) {
		return u.Name, []any{"role", u.Role, "cameras", strings.Join(u.Cameras, ","), "enabled", u.Enabled}
	})...)
	list = append(list, diff("token", old.file.Tokens, b.file.Tokens, func(t Token) (string, []any) {
		return t.ID, []any{"owner", t.Owner, "for", t.Name, "role", t.Role, "cameras", strings.Join(t.Cameras, ",")}
	})...)
	list = append(list, diff("agent", old.file.Agents, b.file.Agents, func(a Agent) (string, []any) {
		return a.Name, []any{"cameras", strings.Join(a.Cameras, ","), "key", a.Key}
	})...)
	return append(list, diff("consumer", old.file.Consumers, b.file.Consumers, func(c Consumer) (string, []any) {
		return c.Name, []any{"cameras", strings.Join(c.Cameras, ","), "key", c.Key}
	})...)
}

// diff returns which entries of a kind were added, changed or removed. describe returns the name of an entry and its
// attributes that are not secret.
func diff[T any](kind string, old, now []T, describe func(T) (string, []any)) (list []change) {
	before := make(map[string]T)
	for _, entry := range old {
		name, _ := describe(entry)
		before[name] = entry
	}
	report := func(entry T, verb, done string) {
		name, args := describe(entry)
		list = append(list, change{kind + " " + done, append([]any{"audit", kind + "." + verb, "name", name}, args...)})
	}
	for _, entry := range now {
		name, _ := describe(entry)
		was, ok := before[name]
		delete(before, name)
		switch {
		case !ok:
			report(entry, "add", "added")
		case !reflect.DeepEqual(was, entry):
			report(entry, "change", "changed")
		}
	}
	for _, entry := range old {
		if name, _ := describe(entry); hasKey(before, name) {
			report(entry, "remove", "removed")
		}
	}
	return list
}

func hasKey[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}
