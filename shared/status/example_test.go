package status_test

import (
	"fmt"

	"github.com/bramble-cam/bramble/shared/status"
)

// A program that subscribes to cam.*.status decodes each message.
func ExampleDecode() {
	message := []byte(`{"camera":"porch","instance":"f00d","host":"pi1","agent":"1.0.0","state":"degraded",
		"reason":"no frame for 5 s: check the cable","source":"v4l2","format":"jpeg","fps":0}`)
	s, err := status.Decode(message)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s at %s is %s: %s\n", s.Camera, s.Host, s.State, s.Reason)
	// Output: porch at pi1 is degraded: no frame for 5 s: check the cable
}

// An agent that answers do.configure decodes the request. A nil field stays as it is.
func ExampleDecodeSettings() {
	s, err := status.DecodeSettings([]byte(`{"fps": 15, "controls": {"brightness": 10}}`))
	fmt.Println(*s.FPS, s.Quality == nil, s.Controls["brightness"], err)
	_, err = status.DecodeSettings([]byte(`{}`))
	fmt.Println(err)
	// Output:
	// 15 true 10 <nil>
	// settings: nothing to change: give at least one of fps, quality, bitrate and controls
}
