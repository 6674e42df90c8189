// Command save-jpegs saves every picture of a camera: save-jpegs nats://127.0.0.1:4222 porch DIR
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: save-jpegs NATS-URL CAMERA DIR")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := save(ctx, os.Args[1], os.Args[2], os.Args[3]); err != nil && !errors.Is(err, context.Canceled) {
		log.Fatal(err)
	}
}

func save(ctx context.Context, url, camera, dir string) error {
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()                                                         // unsubscribing is what stops the camera
	sub, err := nc.SubscribeSync(subject.Space{}.Frames(camera, frame.JPEG)) // and subscribing is what starts it
	if err != nil {
		return err
	}
	next := frame.Frame{} // what is to come, to tell losses
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrSlowConsumer) {
			continue // the disk was too slow; the gap is reported below
		}
		if err != nil {
			return err
		}
		f, err := frame.Decode(frame.JPEG, frame.Header(msg.Header), msg.Data)
		if errors.Is(err, frame.ErrNoPayload) {
			continue // the agent's question for interest
		}
		if err != nil {
			log.Print(err)
			continue
		}
		if f.Epoch == next.Epoch && f.Seq > next.Seq {
			log.Printf("%d pictures were lost", f.Seq-next.Seq)
		}
		next.Epoch, next.Seq = f.Epoch, f.Seq+1
		// Numbers restart with each epoch, so the name has both.
		name := filepath.Join(dir, fmt.Sprintf("%d-%06d.jpeg", f.Epoch, f.Seq))
		if err := os.WriteFile(name, f.Payload, 0o644); err != nil { //nolint:gosec // other programs may read the pictures
			return err
		}
	}
}
