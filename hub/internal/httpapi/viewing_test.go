package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/stream"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/shared/frame"
)

// Why a viewer's loop ended is in the log once, unless it had said all.
func TestEndOfViewingIsLogged(t *testing.T) {
	h := newHouse(t, stream.Config{})
	cam := h.camera("desk", frame.JPEG)
	for want, err := range map[string]error{
		"":            errEnough,
		"level=WARN":  errors.New("a frame cannot be made into a fragment"),
		"level=DEBUG": &net.OpError{Op: "write", Err: syscall.EPIPE},
		"level=ERROR": fmt.Errorf("%w: oh", errPanic),
	} {
		var said bytes.Buffer
		h.srv.cfg.Log = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
		v, viewErr := cam.Subscribe(media.JPEG, cameras.Viewer)
		if viewErr != nil {
			t.Fatal(viewErr)
		}
		h.srv.log(&viewing{viewer: v, ctx: t.Context(), err: err})
		v.Close()
		if lines := strings.Count(said.String(), "\n"); !strings.Contains(said.String(), want) || (lines == 1) != (want != "") || lines > 1 {
			t.Errorf("%v: the log says %q, want %q", err, said.String(), want)
		}
	}
}
