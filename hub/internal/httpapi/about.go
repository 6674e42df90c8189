package httpapi

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/access"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
)

// NATS says how agents reach the hub's NATS.
type NATS struct {
	URLs     []string // without credentials
	AnyHost  bool     // the server listens on all addresses of this host: URLs stand for each of them
	Loopback bool     // nobody on another host can reach it
	Embedded bool     // so that the credentials file decides who may connect

	Fingerprint func() string // of the key that it has now for TLS; nil or "" means that the hub knows none
}

// About is what the hub tells of itself.
type About struct {
	Version     string // of the program
	SubjectRoot string // first token of every subject
	NATS        NATS
	Loopback    bool // nobody on another host can reach the page
}

// aboutJSON is the hub in the API. docs/ref/http.md describes it.
type aboutJSON struct {
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
func (s *Server) others() (list []hubJSON) {
	for _, o := range s.cfg.Others() {
		list = append(list, hubJSON{o.Name, o.Version, o.Seen.UTC(), o.Credentials, o.Since.UTC()})
	}
	return list
}

type natsJSON struct {
	URLs     []string `json:"urls"`
	Loopback bool     `json:"loopback"`
	Asks     bool     `json:"asks"`

	Fingerprint string `json:"fingerprint,omitempty"`
}

type reachJSON struct {
	Loopback bool `json:"loopback"`
}

// about answers with what somebody who adds a camera must know.
func (s *Server) about(c echo.Context) error {
	a := s.cfg.About
	urls := []string{}
	for _, u := range a.NATS.URLs {
		if a.NATS.AnyHost {
			u = withHost(u, s.cfg.Proxies.Host(c.Request()))
		}
		urls = append(urls, u)
	}
	asks := a.NATS.Embedded && s.cfg.Access != nil && !s.cfg.Access.Snapshot().Empty()
	nats := natsJSON{URLs: urls, Loopback: a.NATS.Loopback, Asks: asks}
	if a.NATS.Fingerprint != nil {
		nats.Fingerprint = a.NATS.Fingerprint()
	}
	answer := aboutJSON{
		Version: a.Version, NATS: nats, SubjectRoot: a.SubjectRoot, FFmpeg: s.cfg.Transcoder.Available(),
		HTTP: reachJSON{a.Loopback},
	}
	if webauth.PrincipalFrom(c).HasRole(access.Admin) {
		answer.Hubs = s.others()
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusOK, answer)
}

// withHost returns a URL with the host, not the port, under which the hub itself was asked: the client can reach that.
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
