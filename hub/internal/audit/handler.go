package audit

import (
	"context"
	"io"
	"log/slog"
)

// key is the attribute that makes a log line an audit line; its value names the event.
const key = "audit"

// handler logs like another handler and also writes audit lines to a file, whatever the log level.
type handler struct {
	next slog.Handler
	file slog.Handler
}

func newHandler(next slog.Handler, w io.Writer) *handler {
	return &handler{next, slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelInfo, ReplaceAttr: rename})}
}

// rename gives the standard attributes their names in the file.
func rename(groups []string, a slog.Attr) slog.Attr {
	switch {
	case len(groups) > 0:
	case a.Key == slog.MessageKey:
		a.Key = "message"
	case a.Key == slog.TimeKey:
		a.Value = slog.TimeValue(a.Value.Time().UTC())
	case a.Key == key:
		a.Key = "event"
	}
	return a
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	isAudit := false
	r.Attrs(func(a slog.Attr) bool {
		isAudit = a.Key == key
		return !isAudit
	})
	var err error
	if h.next.Enabled(ctx, r.Level) {
		err = h.next.Handle(ctx, r)
	}
	if isAudit {
		_ = h.file.Handle(ctx, r) // neither writer fails
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.next.WithAttrs(attrs), h.file.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.next.WithGroup(name), h.file.WithGroup(name)}
}
