package hub

import (
	"context"

	"github.com/bramble-cam/bramble/internal/logkey"
)

// openAudit starts writing the audit log. stop ends that; call it after everything that may log.
func (h *Hub) openAudit() (stop func(), err error) {
	if h.audit == nil {
		return func() {}, nil
	}
	if err := h.audit.Open(); err != nil {
		if !h.cfg.AuditLogOptional {
			return nil, err
		}
		h.cfg.Log.Warn("the audit log is not kept in a file until the file can be opened", logkey.Err, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.audit.Run(ctx) }() // received by stop
	return func() {
		cancel()
		if err := <-done; err != nil { // never: Run ends without one
			h.cfg.Log.Error("audit log ended", logkey.Err, err)
		}
	}, nil
}
