// Command snapshot asks a camera for one picture, taken now: snapshot nats://127.0.0.1:4222 porch > porch.jpeg
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/request"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// patience is more than the 5 s within which an agent answers.
const patience = 6 * time.Second

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: snapshot NATS-URL CAMERA")
	}
	f, err := snapshot(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(f.Payload); err != nil {
		log.Fatal(err)
	}
	log.Printf("picture %d, %v old", f.Seq, time.Since(f.CaptureTime).Round(time.Millisecond))
}

func snapshot(url, camera string) (f frame.Frame, err error) {
	if err := subject.ValidateID(camera); err != nil {
		return f, err
	}
	nc, err := nats.Connect(url)
	if err != nil {
		return f, err
	}
	defer nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// This opens the camera if need be. Another camera's agent cannot guess its reply subject, unlike that of nc.Request.
	msg, err := request.Do(ctx, nc, subject.Space{}.Do(camera, subject.Snapshot), nil)
	if errors.Is(err, nats.ErrNoResponders) {
		return f, fmt.Errorf("no agent serves the camera %s", camera)
	}
	if err != nil {
		return f, err
	}
	if why := msg.Header.Get(micro.ErrorHeader); why != "" { // the agent is there, the camera is not
		return f, fmt.Errorf("%s: %s", camera, printable.Line(why, 1000)) // untrusted text, for a terminal
	}
	return frame.Decode(frame.JPEG, frame.Header(msg.Header), msg.Data) // of an H.264 camera: a key frame, for ffmpeg -i -
}
