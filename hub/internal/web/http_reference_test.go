package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/bramble-cam/bramble/hub/internal/apiv1"
	"github.com/bramble-cam/bramble/hub/internal/outputs"
	"github.com/bramble-cam/bramble/internal/reference"
)

const httpPage = "../../../docs/ref/http.md"

// node is a mapping of the OpenAPI document whose order is kept.
type node struct{ *yaml.Node }

// each calls f for each member of a mapping.
func (n node) each(f func(name string, value node)) {
	if n.Node == nil {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		f(n.Content[i].Value, node{n.Content[i+1]})
	}
}

// get returns a member, or an empty node.
func (n node) get(path ...string) node {
	for _, name := range path {
		var next node
		n.each(func(member string, value node) {
			if member == name {
				next = value
			}
		})
		n = next
	}
	return n
}

func (n node) String() string {
	if n.Node == nil {
		return ""
	}
	return strings.Join(strings.Fields(n.Value), " ")
}

// httpReference writes docs/ref/http.md from the OpenAPI document.
type httpReference struct {
	root node
	text strings.Builder
}

func (r *httpReference) printf(format string, args ...any) { fmt.Fprintf(&r.text, format, args...) }

// resolve follows a reference inside the document.
func (r *httpReference) resolve(n node) node {
	if ref := n.get("$ref").String(); ref != "" {
		return r.root.get(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return n
}

// operations calls f for each operation.
func (r *httpReference) operations(f func(method, path string, op node)) {
	r.root.get("paths").each(func(path string, item node) {
		item.each(func(method string, op node) {
			if slices.Contains([]string{"get", "post", "delete", "put", "patch"}, method) {
				f(strings.ToUpper(method), path, op)
			}
		})
	})
}

// endpoints writes a section for each tag: its operations and their descriptions.
func (r *httpReference) endpoints() string {
	r.text.Reset()
	for _, tag := range r.root.get("tags").Content {
		name, about := node{tag}.get("name").String(), node{tag}.get("description").String()
		r.printf("\n### %s\n\n%s\n\n", name, about)
		r.operations(func(method, path string, op node) {
			if op.get("tags").Content[0].Value != name {
				return
			}
			summary := op.get("summary").String()
			if body := op.get("requestBody", "content", "application/json", "schema"); body.Node != nil {
				summary += ", by " + r.kind(body)
			}
			summary += r.answer(r.resolve(op.get("responses", "200")))
			if text := op.get("description").String(); text != "" {
				summary += ". " + text
			}
			r.printf("- `%s`: %s\n", strings.TrimPrefix(method+" "+path, "GET "), summary)
		})
	}
	return strings.TrimPrefix(r.text.String(), "\n")
}

// errorStatuses writes a line for each error that every operation or some may have.
func (r *httpReference) errorStatuses() string {
	r.text.Reset()
	r.root.get("components", "responses").each(func(_ string, answer node) {
		if status := answer.get("x-status").String(); status != "" {
			r.printf("- %s: %s\n", status, answer.get("description"))
		}
	})
	return r.text.String()
}

// answer says which schema an answer has, or else its media types.
func (r *httpReference) answer(answer node) string {
	var kinds []string
	answer.get("content").each(func(mime string, content node) {
		switch schema := content.get("schema"); {
		case schema.get("$ref").Node != nil:
			kinds = append(kinds, r.kind(schema))
		case schema.Node == nil:
			kinds = append(kinds, "`"+mime+"`")
		}
	})
	if len(kinds) != 1 { // the text tells which
		return ""
	}
	return " (" + strings.Join(kinds, ", ") + ")"
}

// parameters writes a line for each parameter of a query, with the requests that take it.
func (r *httpReference) parameters() string {
	r.text.Reset()
	var lines []string
	takenBy, named := map[string][]string{}, map[string][]string{}
	r.operations(func(_, path string, op node) {
		if op.get("parameters").Node == nil {
			return
		}
		for _, item := range op.get("parameters").Content {
			p := r.resolve(node{item})
			if p.get("in").String() != "query" {
				continue
			}
			line := withMeaning(r.kind(p.get("schema")), p.get("description"))
			if takenBy[line] == nil {
				lines = append(lines, line)
			}
			named[line] = appendNew(named[line], "`"+p.get("name").String()+"`")
			takenBy[line] = appendNew(takenBy[line], "`"+strings.Replace(path, "/cam/{camera}.", ".", 1)+"`")
		}
	})
	for _, line := range lines {
		r.printf("- %s: %s (%s)\n", strings.Join(named[line], ", "), line, strings.Join(takenBy[line], ", "))
	}
	return r.text.String()
}

// appendNew appends a text that the list does not have.
func appendNew(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// withMeaning appends a description to the values of a parameter or a member.
func withMeaning(kind string, description node) string {
	text := description.String()
	switch {
	case text == "":
		return kind
	case kind == "string": // as most of them
		return text
	}
	return kind + "; " + text
}

func schemaName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// kind describes the values of a schema.
func (r *httpReference) kind(s node) string {
	if ref := s.get("$ref").String(); ref != "" {
		return "[" + schemaName(ref) + "](#" + strings.ToLower(schemaName(ref)) + ")"
	}
	kind := s.get("type").String()
	if types := s.get("type"); types.Node != nil && types.Kind == yaml.SequenceNode {
		var names []string
		for _, t := range types.Content {
			names = append(names, t.Value)
		}
		kind = strings.Join(names, " or ")
	}
	if enum := s.get("enum"); enum.Node != nil {
		var values []string
		for _, v := range enum.Content {
			values = append(values, "`"+v.Value+"`")
		}
		kind = strings.Join(values, ", ")
	}
	if items := s.get("items"); items.Node != nil {
		kind = "array of " + r.kind(items)
	}
	lowest, highest := s.get("minimum").String(), s.get("maximum").String()
	if lowest != "" && highest != "" {
		kind += ", " + lowest + " to " + highest
	}
	if format := s.get("format").String(); format != "" {
		kind += ", " + format
	}
	if def := s.get("default").String(); def != "" {
		kind += ", default " + def
	}
	return kind
}

// schemas writes a list for each schema.
func (r *httpReference) schemas() string {
	r.text.Reset()
	r.root.get("components", "schemas").each(func(name string, s node) {
		r.printf("\n### %s\n\n", name)
		if d := s.get("description").String(); d != "" {
			r.printf("%s\n\n", strings.TrimSuffix(d, ".")+".")
		}
		r.members("", s)
	})
	return strings.TrimPrefix(r.text.String(), "\n")
}

func (r *httpReference) members(prefix string, s node) {
	s.get("properties").each(func(name string, member node) {
		r.printf("- `%s%s`: %s\n", prefix, name, withMeaning(r.kind(member), member.get("description")))
		r.members(prefix+name+".", member)
	})
}

// TestHTTPReference compares docs/ref/http.md with the OpenAPI document.
func TestHTTPReference(t *testing.T) {
	var doc yaml.Node
	if err := yaml.Unmarshal(apiv1.OpenAPI(outputs.All()), &doc); err != nil {
		t.Fatal(err)
	}
	r := &httpReference{root: node{doc.Content[0]}}
	reference.Check(t, httpPage, "endpoints", r.endpoints())
	reference.Check(t, httpPage, "errors", r.errorStatuses())
	reference.Check(t, httpPage, "parameters", r.parameters())
	reference.Check(t, httpPage, "schemas", r.schemas())
}
