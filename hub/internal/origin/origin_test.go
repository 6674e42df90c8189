package origin_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/origin"
	"github.com/bramble-cam/bramble/hub/internal/problem"
)

// TestChecker: the hub's own page is not foreign at any address of the hub, and an allowed one only where that counts.
func TestChecker(t *testing.T) {
	c := origin.Checker{Allowed: func() []string { return []string{"https://friend.example"} }}
	for name, test := range map[string]struct {
		header                           []string
		foreign, own, allowed, otherPort bool
	}{
		"program":  {nil, false, true, true, false},
		"own page": {[]string{"Origin", "http://hub.example:8080"}, false, true, true, false},
		"own page, says": {[]string{"Origin", "http://proxy.example", "Sec-Fetch-Site", "same-origin"}, false,
			true, true, false}, "another port": {[]string{"Origin", "http://hub.example:5000"}, false, false, false, true},
		"friend": {[]string{"Origin", "https://friend.example"}, true, false, true, false},
		"picture of an evil page": {
			[]string{"Referer", "http://evil.example/x", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"},
			true, false, false, false,
		},
		"link that a user follows": {
			[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"},
			false, false, false, false,
		},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://hub.example:8080/", nil)
		for i := 0; i < len(test.header); i += 2 {
			r.Header.Set(test.header[i], test.header[i+1])
		}
		own, allowed := c.RequireOwn(r), c.RequireAllowed(r)
		if c.IsForeign(r) != test.foreign || (own == nil) != test.own || (allowed == nil) != test.allowed ||
			c.IsOtherPort(r) != test.otherPort {
			t.Errorf("%s: foreign %v, own %v, allowed %v, other port %v", name, c.IsForeign(r), own, allowed, c.IsOtherPort(r))
		}
		if own != nil && problem.Of(own).Status != http.StatusForbidden {
			t.Errorf("%s: %v", name, own)
		}
	}
}
