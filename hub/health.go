package hub

import "github.com/bramble-cam/bramble/hub/internal/cameras"

// probeLocks takes the locks that every viewer needs, and returns when it has had them: a hub that hangs in one of them
// needs a restart. NATS elsewhere and cameras are no part of that: a restart would not bring them back.
func probeLocks(reg *cameras.Registry) {
	for _, c := range reg.Cameras() {
		c.Info()
	}
}
