// Command detectors looks at the stills of all cameras: detectors nats://127.0.0.1:4222
//
// Start as many as it takes, on as many machines: NATS gives each picture to one of them, since they are a queue group.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// finding is what is printed of each picture, as a line of JSON.
type finding struct {
	Camera     string  `json:"camera"`
	Epoch      int64   `json:"epoch"`
	Seq        uint64  `json:"seq"`
	AgeMS      int64   `json:"age_ms"`
	Width      int     `json:"width"`
	Height     int     `json:"height"`
	Brightness float64 `json:"brightness"` // 0 to 255
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: detectors NATS-URL")
	}
	nc, err := nats.Connect(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	var space subject.Space // subjects that begin with cam
	stills := space.Still("*")
	out := json.NewEncoder(os.Stdout)
	sub, err := nc.QueueSubscribe(stills, "detectors", func(msg *nats.Msg) { // one at a time
		found, err := look(space, msg)
		switch {
		case errors.Is(err, frame.ErrNoPayload): // the agent's question for interest
		case err != nil:
			log.Printf("%s: %v", msg.Subject, err)
		default:
			_ = out.Encode(found) // standard output is gone: the next interrupt ends this
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	// What waits while this one is busy is old when its turn comes: rather drop it.
	if err := errors.Join(sub.SetPendingLimits(64, 64<<20), nc.Flush()); err != nil {
		log.Fatal(err)
	}
	log.Print("looking at ", stills)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	<-ctx.Done()
}

// look decodes a picture and measures it: put your detector here.
func look(space subject.Space, msg *nats.Msg) (found finding, err error) {
	f, err := frame.Decode(frame.JPEG, frame.Header(msg.Header), msg.Data)
	if err != nil {
		return found, err
	}
	if !bytes.HasPrefix(f.Payload, []byte{0xff, 0xd8}) { // a still is a JPEG or, of an H.264 camera, an access unit
		return found, errors.New("not a JPEG: an H.264 camera's stills need an H.264 decoder, or take the hub's /cam/ID.jpeg")
	}
	if found.Camera, err = space.CameraOf(msg.Subject); err != nil {
		return found, err
	}
	// A few bytes may say that they are a picture of gigabytes: ask before decoding.
	size, err := jpeg.DecodeConfig(bytes.NewReader(f.Payload))
	if err != nil {
		return found, err
	}
	if err := frame.CheckSize(size.Width, size.Height); err != nil {
		return found, err
	}
	picture, err := jpeg.Decode(bytes.NewReader(f.Payload))
	if err != nil {
		return found, fmt.Errorf("picture %d: %w", f.Seq, err)
	}
	found.Epoch, found.Seq, found.AgeMS = f.Epoch, f.Seq, time.Since(f.CaptureTime).Milliseconds()
	found.Width, found.Height, found.Brightness = size.Width, size.Height, brightness(picture)
	return found, nil
}

// brightness is the mean of a picture's luma, of every eighth pixel of every eighth line.
func brightness(p image.Image) float64 {
	var sum, n float64
	for y := p.Bounds().Min.Y; y < p.Bounds().Max.Y; y += 8 {
		for x := p.Bounds().Min.X; x < p.Bounds().Max.X; x += 8 {
			sum += float64(color.GrayModel.Convert(p.At(x, y)).(color.Gray).Y)
			n++
		}
	}
	return sum / max(n, 1)
}
