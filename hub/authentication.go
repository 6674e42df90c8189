package hub

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/internal/netutil"
)

// logAuthentication logs whether HTTP requires credentials, now and whenever that changes.
func (h *Hub) logAuthentication() {
	var mu sync.Mutex
	said := ""
	say := func(b *credstore.Snapshot, always bool) {
		mu.Lock()
		defer mu.Unlock()
		state, level, text, args := h.authentication(b)
		if state == said && !always {
			return
		}
		said = state
		h.cfg.Log.Log(context.Background(), level, text, args...)
	}
	say(h.store.Snapshot(), true)
	h.store.OnChange(func(b *credstore.Snapshot) { say(b, false) })
}

// authentication returns whether HTTP requires credentials, as a state and as a text for the log.
func (h *Hub) authentication(b *credstore.Snapshot) (state string, level slog.Level, text string, args []any) {
	const add = "add a user with \"bramble-hub user add NAME --role admin\""
	who := []any{"remedy", add}
	addr := h.publishedAddr(h.httpAddr)
	switch here := netutil.IsLoopback(addr); {
	case b.HasUsers():
		return "on", slog.LevelInfo, fmt.Sprintf("authentication is on: %d users, %d mappings, %d agents, %d consumers",
			len(b.Users()), len(b.Mappings()), len(b.Agents()), len(b.Consumers())), nil
	case b.LostUsers():
		return "lost", slog.LevelError,
			"authentication is on, but no user can log in: " + h.cfg.Credentials + " has lost its users",
			[]any{"remedy", "restore the file from a backup, or " + add}
	case !h.external.IsZero():
		return "closed", slog.LevelError,
			"authentication is on, but no user can log in: no mapping says what external users may do",
			[]any{"remedy", "add one with \"bramble-hub mapping add WHO --cameras GRANTS\", or " + add}
	case h.cfg.RequireUsers || !here && !h.cfg.Insecure:
		return "closed", slog.LevelError, "authentication is on, but no user can log in: there are no users", who
	case here:
		return "off", slog.LevelInfo,
			"authentication is OFF: anyone on this host who reaches " + addr + " is an administrator", who
	default:
		return "off", slog.LevelWarn, "authentication is OFF: anyone who reaches " + addr + " is an administrator", who
	}
}
