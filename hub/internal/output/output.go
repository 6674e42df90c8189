// Package output defines how clients get cameras: what an output is, the registry of outputs, and what outputs over
// HTTP share.
//
// An output is a format, a container or a protocol, in a package of its own below this one. It is handed a viewer and a
// subscription. It knows neither the web server nor how the client proved who they are.
package output

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/internal/media"
)

// Spec describes an output. Whatever lists outputs derives from it: URLs, signed links, metric labels, the API and its
// description, and the page.
type Spec struct {
	// Name is the extension of the URL. Signed links, metrics and the API use it too.
	Name string

	Codec       media.Codec // of the video
	ContentType string

	// Parameters are the names of query parameters besides those of the codec.
	Parameters []string

	// SlotKind is how a client of a WebSocket asks for a slot with this output; "" if none can carry it.
	SlotKind string

	Label   string // for people: what it is for
	Element string // the HTML element that shows it without a script: img, video or ""
	OpenAPI string // its operation, a member "get:" of an OpenAPI path item, not indented
}

// Output is one way to get a camera.
type Output interface {
	Spec() Spec
}

// HTTPOutput is an Output that answers HTTP requests.
type HTTPOutput interface {
	Output

	// Serve answers a request. The error becomes the answer, so nothing may have been sent then.
	Serve(w http.ResponseWriter, r *http.Request, x *Exchange) error
}

// Registry holds the outputs in the order in which lists have them. It does not change after New.
type Registry struct {
	outputs []Output
}

// NewRegistry returns a Registry of outputs. Their names must differ.
func NewRegistry(outputs ...Output) *Registry { return &Registry{outputs} }

// Specs describes all outputs.
func (r *Registry) Specs() (specs []Spec) {
	for _, o := range r.outputs {
		specs = append(specs, o.Spec())
	}
	return specs
}

// Names returns the names of all outputs.
func (r *Registry) Names() (names []string) {
	for _, s := range r.Specs() {
		names = append(names, s.Name)
	}
	return names
}

// Slots describes the outputs that slots of a WebSocket can carry.
func (r *Registry) Slots() []Spec {
	return slices.DeleteFunc(r.Specs(), func(s Spec) bool { return s.SlotKind == "" })
}

// NamesFor returns the names of the outputs in which a camera is available: those of its codec, or all of them if the
// hub can transcode.
func (r *Registry) NamesFor(native media.Codec, transcode bool) (names []string) {
	for _, s := range r.Specs() {
		if transcode || s.Codec == native {
			names = append(names, s.Name)
		}
	}
	return names
}

// HTTP returns the HTTP output with a name. It reports false if there is none.
func (r *Registry) HTTP(name string) (HTTPOutput, bool) {
	i := slices.IndexFunc(r.outputs, func(o Output) bool { return o.Spec().Name == name })
	if i < 0 {
		return nil, false
	}
	o, ok := r.outputs[i].(HTTPOutput)
	return o, ok
}

// Extensions lists the outputs for an error: ".jpeg, .mjpeg and .mp4".
func (r *Registry) Extensions() string {
	names := r.Names()
	if len(names) < 2 {
		return "." + strings.Join(names, "")
	}
	last := len(names) - 1
	return "." + strings.Join(names[:last], ", .") + " and ." + names[last]
}

// OpenAPI returns the path items of all HTTP outputs, as members of "paths:" in an OpenAPI document in YAML.
func (r *Registry) OpenAPI() string {
	var b strings.Builder
	for _, o := range r.outputs {
		if _, ok := o.(HTTPOutput); !ok {
			continue
		}
		s := o.Spec()
		fmt.Fprintf(&b, "  /cam/{camera}.%s:\n", s.Name)
		for line := range strings.Lines(s.OpenAPI) {
			b.WriteString("    " + line)
		}
	}
	return b.String()
}
