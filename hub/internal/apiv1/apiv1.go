// Package apiv1 is the JSON API below /api/v1: the hub, its cameras, their controls, and the caller. docs/ref/http.md
// and openapi.yaml describe it. Pictures and streams belong to the outputs, authentication to webauth.
package apiv1

import (
	"bytes"
	_ "embed" // openapi.yaml
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/authz"
	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/hubsync"
	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/hub/internal/trustedproxy"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/shared/frame"
)

//go:embed openapi.yaml
var openAPI []byte

// The placeholders of the outputs in openapi.yaml.
const (
	pathsMark = "  # OUTPUTS: output.Registry.OpenAPI\n"
	namesMark = "OUTPUT_NAMES"
)

// OpenAPI returns the description of the hub's HTTP interface, in YAML.
func OpenAPI(outputs *output.Registry) []byte {
	doc := bytes.Replace(openAPI, []byte(pathsMark), []byte(outputs.OpenAPI()), 1)
	return bytes.ReplaceAll(doc, []byte(namesMark), []byte(strings.Join(outputs.Names(), ", ")))
}

// Config has what an API needs.
type Config struct {
	Info        Info
	Cameras     authz.Cameras
	Transcoder  *transcode.Transcoder
	Formats     func(native frame.Format) []string // extensions under which a camera with this format can be had
	Agents      AgentClient
	Store       *credstore.Store       // nil: agents need no credentials
	Others      func() []hubsync.Other // hubs that share NATS with this one
	Proxies     trustedproxy.Proxies
	Origins     origin.Checker
	Auth        *webauth.Auth
	BodyRefused func() // called for a body that is too large
}

// API answers the requests of one hub.
type API struct {
	cfg Config
}

// New returns an API. It starts nothing.
func New(cfg Config) *API { return &API{cfg} }

// Register adds the routes. Reading ones answer the given methods.
func (a *API) Register(e *echo.Echo, read []string) {
	auth := a.cfg.Auth.RequireAuth
	e.Match(read, "/api/v1/me", a.me, auth)
	e.Match(read, "/api/v1/hub", a.info, auth)
	e.Match(read, "/api/v1/cameras", a.listCameras, auth)
	e.Match(read, "/api/v1/cameras/:camera", a.showCamera, auth)
	e.Match(read, "/api/v1/cameras/:camera/controls", a.showControls, auth)
	e.POST("/api/v1/cameras/:camera/controls", a.setControls, auth) // and for operators
}
