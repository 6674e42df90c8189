package httpapi

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/auth/permission"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/hub/internal/webauth"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/netutil"
	"github.com/bramble-cam/bramble/shared/frame"
)

// rendition reads what a request for a stream or a picture in format f wants of it.
func (p *parameters) rendition(f media.Codec) media.Want {
	want := media.Want{Codec: f, Width: int(p.number("width", 0, 16, 8192))}
	if f == media.H264 {
		want.Bitrate = int(p.number("bitrate", 0, 10_000, 100_000_000))
		return want
	}
	want.Quality = int(p.number("quality", 0, 1, 100))
	want.FPS = p.number("fps", 0, 0.1, 120)
	want.Rotate = p.oneOf("rotate", 0, 90, 180, 270)
	return want
}

// oneOf reads one of a few numbers, of which the first is the default.
func (p *parameters) oneOf(name string, allowed ...int) int {
	text := p.query.Get(name)
	if text == "" {
		return allowed[0]
	}
	n, err := strconv.Atoi(text)
	if err != nil || !slices.Contains(allowed, n) {
		p.fail(name, text, fmt.Sprint("one of ", allowed))
		return allowed[0]
	}
	return n
}

// wanted returns the rendition that a request wants, in a format that its URL names.
func wanted(c echo.Context, f media.Codec) (media.Want, error) {
	q := parameters{query: c.QueryParams()}
	want := q.rendition(f)
	return want, q.err
}

// watch returns a viewer of what the request wants of a camera.
func (s *Server) watch(c echo.Context, cam *cameras.Camera, f media.Codec) (*cameras.Subscription, error) {
	want, err := wanted(c, f)
	if err != nil {
		return nil, err
	}
	by := shareOf(webauth.PrincipalFrom(c), s.cfg.Proxies.ClientAddr(c.Request()), cam)
	return s.cfg.Transcoder.Subscribe(c.Request().Context(), cam, want, by, cameras.Viewer)
}

// maxLinkTranscodes bounds the transcodes that one signed link may start. Anyone with its URL can use it, and pages
// show one size to all viewers.
const maxLinkTranscodes = 2

// shareOf returns the principal whose share of the transcodes a request uses: a user, a signed link or, while
// authentication is off, an address.
func shareOf(p auth.Principal, address string, cam *cameras.Camera) transcode.Principal {
	role := p.RoleFor(cam.ID())
	if p.HasRole(permission.Admin) {
		role = permission.Admin
	}
	share := transcode.Principal{ID: p.Identity(), Rank: 1 + slices.Index(permission.Roles(), role)}
	switch p.Method {
	case auth.MethodNone:
		share.ID = "address " + netutil.AddressKey(address)
	case auth.MethodLink:
		share.Rank, share.Most = 0, maxLinkTranscodes
	}
	return share
}

// formats lists the extensions under which a camera can be had.
func (s *Server) formats(native frame.Format) []string {
	switch {
	case s.cfg.Transcoder.Available():
		return []string{"jpeg", "mjpeg", "h264", "mp4"}
	case native == frame.JPEG:
		return []string{"jpeg", "mjpeg"}
	}
	return []string{"h264", "mp4"}
}
