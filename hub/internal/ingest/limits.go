package ingest

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/internal/printable"
)

// Bounds of what may wait, of all cameras, before it is looked at.
const (
	maxStatuses    = 16384
	maxStatusBytes = 16 << 20

	// maxInfo is the largest answer in bytes of a micro service to who is there. A camera's has a tenth of that.
	maxInfo = 16 << 10

	// maxReason is how much is kept of an agent's words for a refusal.
	maxReason = 1 << 10
)

// refused counts messages that are no frames and could not be used.
type refused struct{ status, statusFlood, info, answer atomic.Uint64 }

// Refusals returns how many messages beside frames were not as they should be, too large ones included, by kind.
func (in *Ingest) Refusals() map[string]uint64 {
	return map[string]uint64{
		"status": in.refused.status.Load(), "status_flood": in.refused.statusFlood.Load(),
		"info": in.refused.info.Load(), "answer": in.refused.answer.Load(),
	}
}

func decodeInfo(data []byte) (info micro.Info, err error) {
	if len(data) > maxInfo {
		return info, fmt.Errorf("a micro service's info of %d bytes: at most %d are taken", len(data), maxInfo)
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return info, fmt.Errorf("the info of a micro service: %s", printable.Line(err.Error(), maxReason))
	}
	return info, nil
}
