// Command save-jpegs saves every picture of a camera: save-jpegs nats://127.0.0.1:4222 cam.porch.jpeg DIR
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: save-jpegs NATS-URL SUBJECT DIR")
	}
	nc, err := nats.Connect(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	sub, err := nc.SubscribeSync(os.Args[2]) // this starts the camera
	if err != nil {
		log.Fatal(err)
	}
	for {
		msg, err := sub.NextMsg(nats.DefaultTimeout * 30)
		if err != nil {
			log.Fatal(err)
		}
		f, err := frame.Decode(frame.JPEG, frame.Header(msg.Header), msg.Data)
		if err != nil {
			continue // a probe
		}
		if err := os.WriteFile(filepath.Join(os.Args[3], fmt.Sprintf("%06d.jpeg", f.Seq)), f.Payload, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
