package hub

import (
	"net"
	"net/url"
	"strings"

	"github.com/bramble-cam/bramble/hub/internal/apiv1"
	"github.com/bramble-cam/bramble/internal/netutil"
)

// info is what the hub says about itself. This process reaches NATS at natsURL, and the page has an address.
func (h *Hub) info(natsURL string, page net.Addr) apiv1.Info {
	a := apiv1.Info{Version: h.cfg.Version, SubjectRoot: h.space.Root(),
		Loopback: netutil.IsLoopback(h.publishedAddr(page.String()))}
	if h.cfg.NATSURL == "" {
		a.NATS = h.embeddedNATS(natsURL)
		if h.natsCert != nil {
			a.NATS.Fingerprint = h.natsCert.Fingerprint // it may change
		}
		return a
	}
	a.NATS.Loopback = true
	for server := range strings.SplitSeq(h.cfg.NATSURL, ",") {
		server = strings.TrimSpace(server)
		if !strings.Contains(server, "://") {
			server = "nats://" + server
		}
		u, err := url.Parse(server)
		if err != nil { // it would not have connected
			continue
		}
		u.User = nil
		a.NATS.URLs = append(a.NATS.URLs, u.String())
		a.NATS.Loopback = a.NATS.Loopback && netutil.IsLoopback(u.Host)
	}
	return a
}

// embeddedNATS is how agents reach the embedded server. Its URL is that for this host, even if the server listens on
// all addresses.
func (h *Hub) embeddedNATS(natsURL string) apiv1.NATS {
	if netutil.IsUnspecified(h.natsListenAddr) {
		return apiv1.NATS{URLs: []string{natsURL}, AnyHost: true, Embedded: true}
	}
	return apiv1.NATS{URLs: []string{natsURL}, Loopback: netutil.IsLoopback(h.natsListenAddr), Embedded: true}
}
