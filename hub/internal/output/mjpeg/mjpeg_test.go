package mjpeg_test

import (
	"bytes"
	"net"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/output"
	"github.com/bramble-cam/bramble/hub/internal/output/mjpeg"
	"github.com/bramble-cam/bramble/hub/internal/output/outputtest"
	"github.com/bramble-cam/bramble/internal/media"
	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/status"
)

// recorder is a connection that keeps the slices that were written to it.
type recorder struct {
	net.Conn
	took chan []byte
}

func (r recorder) Write(b []byte) (int, error) {
	r.took <- b
	return len(b), nil
}

func (recorder) SetWriteDeadline(time.Time) error { return nil }
func (recorder) Close() error                     { return nil }

// view returns the memory of the first part that a new viewer is sent.
func view(t *testing.T, hub *outputtest.Hub, o output.HTTPOutput, cam *outputtest.Camera) (header, picture []byte) {
	t.Helper()
	conn := recorder{took: make(chan []byte, 100)}
	if _, err := hub.ServeConn(conn, o, cam, nil); err != nil {
		t.Fatal(err)
	}
	for !bytes.HasPrefix(header, []byte("Content-Type: image/jpeg\r\n")) {
		header = testutil.Receive(t, "the header of a part", conn.took)
	}
	return header, testutil.Receive(t, "a picture", conn.took)
}

// Viewers of a picture are sent the same part: the header and the picture are not copied.
func TestPartIsShared(t *testing.T) {
	hub, o := outputtest.New(t), mjpeg.New()
	desk := hub.Camera("desk", media.JPEG)
	data := bytes.Repeat([]byte("picture"), 1000)
	desk.Picture(data)
	header, picture := view(t, hub, o, desk)
	again, same := view(t, hub, o, desk)
	if &header[0] != &again[0] {
		t.Error("each viewer has its own header")
	}
	if !bytes.Equal(picture, data) || &picture[0] != &same[0] {
		t.Error("each viewer has its own picture")
	}
}

// Viewers of one camera are sent the same placeholder, drawn once.
func TestPlaceholderIsShared(t *testing.T) {
	hub, o := outputtest.New(t), mjpeg.New()
	desk, porch := hub.Camera("desk", media.JPEG), hub.Camera("porch", media.JPEG)
	desk.SetState(status.Stopped)
	porch.SetState(status.Stopped)
	header, picture := view(t, hub, o, desk)
	again, same := view(t, hub, o, desk)
	if &header[0] != &again[0] || &picture[0] != &same[0] {
		t.Error("drawn twice")
	}
	if _, other := view(t, hub, o, porch); bytes.Equal(picture, other) {
		t.Error("two cameras have the same")
	}
}
