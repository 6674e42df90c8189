// Package jpeg serves the newest picture of a camera as one JPEG.
package jpeg

import (
	_ "embed" // openapi.yaml
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/internal/media"
)

//go:embed openapi.yaml
var openAPI string

// Output is the output "jpeg".
type Output struct{}

// New returns the output.
func New() Output { return Output{} }

// Spec implements output.Output.
func (Output) Spec() output.Spec {
	return output.Spec{
		Name: "jpeg", Codec: media.JPEG, ContentType: "image/jpeg", Parameters: []string{output.ParamMaxAge},
		Label: "JPEG: the newest picture", OpenAPI: openAPI,
	}
}

// Serve implements output.HTTPOutput.
func (Output) Serve(w http.ResponseWriter, r *http.Request, x *output.Exchange) error {
	p, err := x.Still(r.Context())
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Timestamp", unixSeconds(p.CaptureTime))
	h.Set("X-Age", strconv.FormatFloat(time.Since(p.Arrived).Seconds(), 'f', 3, 64))
	h.Set("Content-Length", strconv.Itoa(len(p.Payload)))
	if r.Method != http.MethodHead {
		x.Viewer.Sent().Add(int64(len(p.Payload)))
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(p.Payload) // the client has left, or is too slow
	return nil
}

// unixSeconds formats t as other camera servers do: seconds since 1970 with microseconds.
func unixSeconds(t time.Time) string {
	return fmt.Sprintf("%d.%06d", t.Unix(), t.Nanosecond()/1000)
}
