package subject_test

import (
	"fmt"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// What to subscribe to, and what to request. Where an id is expected, * means every camera.
func ExampleSpace() {
	var cam subject.Space
	fmt.Println(cam.Frames("porch", frame.JPEG))
	fmt.Println(cam.Still("*"))
	fmt.Println(cam.Do("porch", subject.Snapshot))
	// Output:
	// cam.porch.jpeg
	// cam.*.still
	// cam.porch.do.snapshot
}

// A NATS system that others use, too, may need another root than cam.
func ExampleNewSpace() {
	lab, err := subject.NewSpace("lab.cam")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(lab.Frames("bench-1", frame.H264))
	// Output: lab.cam.bench-1.h264
}

// Of a message that came by a wildcard, the subject tells the camera.
func ExampleSpace_CameraOf() {
	id, err := subject.Space{}.CameraOf("cam.porch.still")
	fmt.Println(id, err)
	// Output: porch <nil>
}
