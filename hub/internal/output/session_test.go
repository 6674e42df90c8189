package output_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/viewers"
)

// Why a viewer's stream ended is logged once, as loud as it is the hub's fault.
func TestLogEnd(t *testing.T) {
	for want, test := range map[string]struct {
		err   error
		ended bool
	}{
		"level=WARN":  {errors.New("a frame cannot be made into a fragment"), false},
		"level=DEBUG": {&net.OpError{Op: "write", Err: syscall.EPIPE}, false},
		"level=ERROR": {fmt.Errorf("%w: oh", output.ErrPanic), true},
	} {
		var lines bytes.Buffer
		log := slog.New(slog.NewTextHandler(&lines, &slog.HandlerOptions{Level: slog.LevelDebug}))
		h := output.NewHandler(output.Config{Viewers: viewers.New(viewers.Config{Log: log}), Log: log})
		h.LogEnd("desk", test.err, test.ended)
		if strings.Count(lines.String(), "\n") != 1 || !strings.Contains(lines.String(), want) {
			t.Errorf("%v: the log says %q, want %q", test.err, lines.String(), want)
		}
	}
}

// A panic becomes an error.
func TestRecover(t *testing.T) {
	err := func() (err error) {
		defer output.Recover(&err)
		panic("oh")
	}()
	if !errors.Is(err, output.ErrPanic) || !strings.Contains(err.Error(), "oh") {
		t.Error(err)
	}
}
