package output

import (
	"slices"

	"github.com/bramble-cam/bramble/hub/internal/auth"
	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/permission"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/internal/netutil"
)

// MaxLinkTranscodes bounds the transcodes that one signed link may start. Anyone with its URL can use it, and pages
// show one size to all viewers.
const MaxLinkTranscodes = 2

// ShareOf returns the party whose share of the transcodes a viewer uses: a user, a signed link or, while authentication
// is off, an address.
func ShareOf(p auth.Principal, address string, cam *cameras.Camera) transcode.Principal {
	role := p.RoleFor(cam.ID())
	if p.HasRole(permission.Admin) {
		role = permission.Admin
	}
	share := transcode.Principal{ID: p.Identity(), Rank: 1 + slices.Index(permission.Roles(), role)}
	switch p.Method {
	case auth.MethodNone:
		share.ID = "address " + netutil.AddressKey(address)
	case auth.MethodLink:
		share.Rank, share.MaxProcesses = 0, MaxLinkTranscodes
	}
	return share
}
