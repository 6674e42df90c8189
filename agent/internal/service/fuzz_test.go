package service

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// FuzzRequest sends verbs any payload, with any reply subject. Each is answered once, to an inbox only; a
// refusal is one line, as a header must be; the camera is told what DecodeSettings understands, and nothing else.
func FuzzRequest(f *testing.F) {
	for _, data := range []string{"", `{"fps":15}`, `{"controls":{"brightness":1}}`, `{"fps":15,"speed\r\nX: y":1}`,
		`{"fps":"`, "\xff\x00"} {
		f.Add(uint8(0), "_INBOX.x", []byte(data))
		f.Add(uint8(1), "cam.yard.jpeg", []byte(data))
	}
	f.Add(uint8(2), "$JS.API.x", []byte{})
	f.Add(uint8(3), "", []byte{})
	space := subject.Space{}
	f.Fuzz(func(t *testing.T, verb uint8, reply string, data []byte) {
		camera := newFakeCamera()
		s := newService(space, camera, slog.New(slog.DiscardHandler))
		var answers []*nats.Msg
		s.publish = func(msg *nats.Msg) error {
			answers = append(answers, msg)
			return nil
		}
		known := slices.DeleteFunc(slices.Clone(s.endpoints), func(e *endpoint) bool { return e.verb == subject.Snapshot })
		e := known[int(verb)%len(known)]
		s.handle(t.Context(), e, &nats.Msg{Subject: e.subject, Reply: reply, Data: data})
		acted := len(camera.settings) + len(camera.woken)
		if strings.HasPrefix(reply, "cam.") || strings.HasPrefix(reply, "$") {
			if len(answers)+acted != 0 {
				t.Fatalf("an answer to %q: %d, acted on: %d", reply, len(answers), acted)
			}
			return
		}
		if reply == "" {
			if len(answers) != 0 {
				t.Fatalf("%d answers without a reply subject", len(answers))
			}
			return
		}
		if len(answers) != 1 || answers[0].Subject != reply {
			t.Fatalf("%d answers", len(answers))
		}
		code, refusal := answers[0].Header.Get(micro.ErrorCodeHeader), answers[0].Header.Get(micro.ErrorHeader)
		if strings.ContainsAny(refusal, "\r\n") || len(refusal) > 64<<10 {
			t.Fatalf("refused with %q", refusal)
		}
		if e.verb != subject.Configure {
			return
		}
		_, err := status.DecodeSettings(data)
		if (err == nil) != (code == "") || (err == nil) != (len(camera.settings) == 1) || err != nil && code != "400" {
			t.Fatalf("%v, answered %q, the camera got %d", err, code, len(camera.settings))
		}
		if st, err := status.Decode(answers[0].Data); code == "" && (err != nil || st.Camera != "porch") {
			t.Fatalf("answered %s: %v", answers[0].Data, err)
		}
	})
}
