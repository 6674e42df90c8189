package apiv1

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// NATS is how agents reach the hub's NATS.
type NATS struct {
	URLs     []string // without credentials
	AnyHost  bool     // the server listens on all addresses of this host: URLs stand for each of them
	Loopback bool     // it cannot be reached from another host
	Embedded bool     // the hub's own server: the credentials file decides which agents may connect

	Fingerprint func() string // of the key that it has now for TLS; nil or "" means that the hub knows none
}

// Info describes the hub.
type Info struct {
	Version     string // of the program
	SubjectRoot string // first token of every subject
	NATS        NATS
	Loopback    bool // the page cannot be reached from another host
}

// infoJSON is the hub in the API. openapi.yaml describes it.
type infoJSON struct {
	Version     string    `json:"version"`
	NATS        natsJSON  `json:"nats"`
	SubjectRoot string    `json:"subject_root"`
	FFmpeg      bool      `json:"ffmpeg"`
	HTTP        reachJSON `json:"http"`
	Hubs        []hubJSON `json:"hubs,omitempty"` // for admins
}

// hubJSON describes another hub.
type hubJSON struct {
	Name        string    `json:"name"`
	Version     string    `json:"version"`
	Seen        time.Time `json:"seen"`
	Credentials string    `json:"credentials"`
	Since       time.Time `json:"since,omitzero"`
}

// others returns the hubs that share NATS with this one.
func (a *API) others() (list []hubJSON) {
	for _, o := range a.cfg.Others() {
		list = append(list, hubJSON{o.Name, o.Version, o.Seen.UTC(), o.Credentials, o.Since.UTC()})
	}
	return list
}

type natsJSON struct {
	URLs         []string `json:"urls"`
	Loopback     bool     `json:"loopback"`
	AuthRequired bool     `json:"auth_required"`

	Fingerprint string `json:"fingerprint,omitempty"`
}

type reachJSON struct {
	Loopback bool `json:"loopback"`
}

// info answers with what an operator needs to add a camera.
func (a *API) info(c echo.Context) error {
	info := a.cfg.Info
	urls := []string{}
	for _, u := range info.NATS.URLs {
		if info.NATS.AnyHost {
			u = withHost(u, a.cfg.Proxies.Host(c.Request()))
		}
		urls = append(urls, u)
	}
	authRequired := info.NATS.Embedded && a.cfg.Store != nil && !a.cfg.Store.Snapshot().Empty()
	nats := natsJSON{URLs: urls, Loopback: info.NATS.Loopback, AuthRequired: authRequired}
	if info.NATS.Fingerprint != nil {
		nats.Fingerprint = info.NATS.Fingerprint()
	}
	answer := infoJSON{
		Version: info.Version, NATS: nats, SubjectRoot: info.SubjectRoot, FFmpeg: a.cfg.Transcoder.Available(),
		HTTP: reachJSON{info.Loopback},
	}
	if webauth.PrincipalFrom(c).HasRole(permission.Admin) {
		answer.Hubs = a.others()
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, answer)
}

// withHost returns a URL with the host of the client's request, which the client can reach, and the URL's own port.
func withHost(natsURL, asked string) string {
	u, err := url.Parse(natsURL)
	if err != nil || u.Port() == "" || asked == "" {
		return natsURL
	}
	host := strings.Trim(asked, "[]") // an IPv6 address without port
	if h, _, err := net.SplitHostPort(asked); err == nil {
		host = h
	}
	u.Host = net.JoinHostPort(host, u.Port())
	return u.String()
}
