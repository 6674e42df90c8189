package httpapi

import "sync/atomic"

// refused counts what clients sent that was too large to be read.
type refused struct {
	body    atomic.Uint64 // of a request
	message atomic.Uint64 // of a WebSocket; those that cannot be understood, too
}

// refusals returns what was refused, here and elsewhere, by reason.
func (s *Server) refusals() map[string]uint64 {
	all := map[string]uint64{"body": s.refused.body.Load(), "message": s.refused.message.Load()}
	if s.cfg.Refusals != nil {
		for reason, n := range s.cfg.Refusals() {
			all[reason] += n
		}
	}
	return all
}
