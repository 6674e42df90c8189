package frame_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
)

// A consumer receives pictures from nc.Subscribe("cam.porch.jpeg", ...). It also receives the agent's probes for
// interest, and ignores them.
func ExampleDecode() {
	picture := nats.NewMsg("cam.porch.jpeg")
	picture.Data = []byte("\xff\xd8...\xff\xd9")
	picture.Header = nats.Header{"Cam-Seq": {"42"}, "Cam-Pts": {"1680000"}, "Cam-Time": {"1790000000123456789"},
		"Cam-Epoch": {"1790000000000000000"}}
	probe := nats.NewMsg("cam.porch.jpeg")

	for _, msg := range []*nats.Msg{picture, probe} {
		f, err := frame.Decode(frame.JPEG, frame.Header(msg.Header), msg.Data)
		if errors.Is(err, frame.ErrNoPayload) {
			fmt.Println("a probe")
			continue
		}
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("picture %d, %v after the camera was opened, %d bytes\n", f.Seq, f.PTS, len(f.Payload))
	}
	// Output:
	// picture 42, 1.68s after the camera was opened, 7 bytes
	// a probe
}

// The error names the header that is missing or malformed.
func ExampleHeaderError() {
	_, err := frame.Decode(frame.JPEG, frame.Header{"Cam-Seq": {"42"}, "Cam-Pts": {"-1"}}, []byte("\xff\xd8...\xff\xd9"))
	var he *frame.HeaderError
	fmt.Println(errors.As(err, &he), he.Name, he.Value)
	fmt.Println(err)
	// Output:
	// true Cam-Pts -1
	// header Cam-Pts="-1": not a decimal number in range
}

// A program that publishes frames reuses one header per stream.
func ExampleEncode() {
	msg := nats.NewMsg("cam.porch.h264")
	f := frame.Frame{
		Format: frame.H264, Seq: 42, PTS: 1680 * time.Millisecond, Key: true,
		CaptureTime: time.Unix(0, 1790000000123456789), Epoch: 1790000000000000000,
	}
	frame.Encode(frame.Header(msg.Header), &f)
	fmt.Println(msg.Header["Cam-Seq"], msg.Header["Cam-Pts"], msg.Header["Cam-Key"])
	f.Seq, f.PTS, f.Key = 43, 1720*time.Millisecond, false
	frame.Encode(frame.Header(msg.Header), &f)
	fmt.Println(msg.Header["Cam-Seq"], msg.Header["Cam-Pts"], msg.Header["Cam-Key"])
	// Output:
	// [42] [1680000] [1]
	// [43] [1720000] []
}

// A picture of a few bytes may state a size of gigabytes. Check the size before you decode an untrusted picture.
func ExampleCheckSize() {
	fmt.Println(frame.CheckSize(1920, 1080))
	fmt.Println(errors.Is(frame.CheckSize(65535, 65535), frame.ErrDimensions))
	// Output:
	// <nil>
	// true
}
