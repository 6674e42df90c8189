package golden

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// TestWire compares the subjects, the documents and the reasons of the wire protocol. Package frame compares the
// header.
func TestWire(t *testing.T) {
	var got strings.Builder
	for _, root := range []string{"", "site.cams"} {
		space, err := subject.NewSpace(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, subj := range []string{
			space.Frames("porch", frame.JPEG), space.Frames("porch", frame.H264), space.Still("porch"), space.Status("porch"),
			space.AllStatus(),
			space.Do("porch", subject.Info), space.Do("porch", subject.Snapshot), space.Do("porch", subject.KeyFrame),
			space.Do("porch", subject.Wake), space.Do("porch", subject.Configure), space.Verbs("porch"), space.Camera("porch"),
			space.Hub(subject.HubEnded), space.Hub(subject.HubState), space.Hub(subject.HubAsk),
		} {
			fmt.Fprintln(&got, subj)
		}
	}
	fmt.Fprintf(&got, "\nservice %s, at most %d bytes a frame, %d a status, %d settings, status every %v\n\n",
		subject.Service, frame.MaxPayload, status.MaxSize, status.MaxSettingsSize, status.Interval)
	celsius, fps, quality, bitrate := 48.5, 15.0, 80, 2_000_000
	for _, doc := range []any{
		status.Status{},
		status.Status{
			Camera: "porch", Instance: "a", Started: moment(), Host: "pi", Agent: "1.2.3", State: status.Degraded, Reason: "why",
			Since:  moment(),
			Source: "v4l2", Format: frame.H264, Epoch: 5, Width: 640, Height: 480, FPS: 29.97, Bitrate: 123, Frames: 9, Sent: 8,
			Drops: map[string]uint64{"queue-full": 1}, Warning: "what", Clock: status.Clock{Source: status.ClockV4L2, Error: -1},
			Temperature: &celsius,
			Controls: []status.Control{{Name: "gain", Type: "menu", Min: 1, Max: 2, Step: 1, Default: 1, Value: 2,
				Menu: []string{"a", "b"}, Inactive: true}},
		},
		status.Settings{},
		status.Settings{FPS: &fps, Quality: &quality, Bitrate: &bitrate, Controls: map[string]int64{"gain": 3}},
	} {
		data, err := json.MarshalIndent(doc, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%T %s\n", doc, data)
	}
	got.WriteString("\nreasons of drops:\n")
	new(drop.Counters).Each(func(r drop.Reason, _ uint64) { fmt.Fprintln(&got, r) })
	compare(t, "wire.txt", got.String())
}
