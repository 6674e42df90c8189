package access

import (
	"bytes"
	"reflect"
	"strings"
)

// change is an audit line about the credentials file.
type change struct {
	what string
	args []any
}

// changes tells what is different in two Books, without secrets.
func changes(old, b *Snapshot) (list []change) {
	if len(old.doc.LinkKey) > 0 && !bytes.Equal(old.doc.LinkKey, b.doc.LinkKey) {
		list = append(list, change{"link key renewed: all links and sessions have ended", []any{"audit", "key.change"}})
	}
	list = append(list, diff("group", old.doc.Groups, b.doc.Groups, func(g Group) (string, []any) {
		return g.Name, []any{"cameras", strings.Join(g.Cameras, ",")}
	})...)
	list = append(list, diff("mapping", old.doc.Mappings, b.doc.Mappings, func(m Mapping) (string, []any) {
		return m.Who, []any{"role", m.Role, "cameras", strings.Join(m.Cameras, ",")}
	})...)
	list = append(list, diff("user", old.doc.Users, b.doc.Users, func(u User) (string, []any) {
		return u.Name, []any{"role", u.Role, "cameras", strings.Join(u.Cameras, ","), "enabled", u.Enabled}
	})...)
	list = append(list, diff("token", old.doc.Tokens, b.doc.Tokens, func(t Token) (string, []any) {
		return t.ID, []any{"owner", t.Owner, "for", t.Name, "role", t.Role, "cameras", strings.Join(t.Cameras, ",")}
	})...)
	list = append(list, diff("agent", old.doc.Agents, b.doc.Agents, func(a Agent) (string, []any) {
		return a.Name, []any{"cameras", strings.Join(a.Cameras, ","), "key", a.Key}
	})...)
	return append(list, diff("consumer", old.doc.Consumers, b.doc.Consumers, func(c Consumer) (string, []any) {
		return c.Name, []any{"cameras", strings.Join(c.Cameras, ","), "key", c.Key}
	})...)
}

// diff tells which entries of a kind have come, gone or changed. describe returns an entry's name and what may be told of it.
func diff[T any](kind string, old, now []T, describe func(T) (string, []any)) (list []change) {
	before := make(map[string]T)
	for _, entry := range old {
		name, _ := describe(entry)
		before[name] = entry
	}
	tell := func(entry T, verb, done string) {
		name, args := describe(entry)
		list = append(list, change{kind + " " + done, append([]any{"audit", kind + "." + verb, "name", name}, args...)})
	}
	for _, entry := range now {
		name, _ := describe(entry)
		was, ok := before[name]
		delete(before, name)
		switch {
		case !ok:
			tell(entry, "add", "added")
		case !reflect.DeepEqual(was, entry):
			tell(entry, "change", "changed")
		}
	}
	for _, entry := range old {
		if name, _ := describe(entry); hasKey(before, name) {
			tell(entry, "remove", "removed")
		}
	}
	return list
}

func hasKey[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}
