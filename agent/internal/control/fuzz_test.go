package control

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// request is one that has come, and notes how it is answered.
type request struct {
	micro.Request // the rest is not called

	subject, reply string
	data           []byte
	answers        int
	code, refusal  string
	answer         []byte
}

func (r *request) Subject() string { return r.subject }
func (r *request) Reply() string   { return r.reply }
func (r *request) Data() []byte    { return r.data }

func (r *request) Respond(data []byte, _ ...micro.RespondOpt) error {
	r.answers++
	r.answer = data
	return nil
}

func (r *request) Error(code, text string, _ []byte, _ ...micro.RespondOpt) error {
	r.answers++
	r.code, r.refusal = code, text
	return nil
}

// FuzzRequest sends verbs whatever anybody may, with any reply subject. Each is answered once, to an inbox only; a refusal is one line, as a header must be; the camera
// is told what DecodeSettings understands, and nothing else.
func FuzzRequest(f *testing.F) {
	for _, data := range []string{"", `{"fps":15}`, `{"controls":{"brightness":1}}`, `{"fps":15,"speed\r\nX: y":1}`, `{"fps":"`, "\xff\x00"} {
		f.Add(uint8(0), "_INBOX.x", []byte(data))
		f.Add(uint8(1), "cam.yard.jpeg", []byte(data))
	}
	f.Add(uint8(2), "$JS.API.x", []byte{})
	f.Add(uint8(3), "", []byte{})
	space := subject.Space{}
	f.Fuzz(func(t *testing.T, verb uint8, reply string, data []byte) {
		camera := newFakeCamera()
		s := &Service{camera: camera, log: slog.New(slog.DiscardHandler)}
		handlers := []struct {
			verb   subject.Verb
			handle func(*request)
		}{
			{subject.Configure, func(r *request) { s.toInbox(space, s.configure)(t.Context(), r) }}, {subject.Info, func(r *request) { s.toInbox(space, s.info)(t.Context(), r) }},
			{subject.Wake, func(r *request) { s.toInbox(space, s.wake)(t.Context(), r) }}, {subject.KeyFrame, func(r *request) { s.toInbox(space, s.keyFrame)(t.Context(), r) }},
		}
		h := handlers[int(verb)%len(handlers)]
		r := &request{subject: space.Do("porch", h.verb), reply: reply, data: data}
		h.handle(r)
		acted := len(camera.settings) + len(camera.woken)
		if strings.HasPrefix(reply, "cam.") || strings.HasPrefix(reply, "$") {
			if r.answers+acted != 0 {
				t.Fatalf("an answer to %q: %d, acted on: %d", reply, r.answers, acted)
			}
			return
		}
		if r.answers != 1 {
			t.Fatalf("%d answers", r.answers)
		}
		if strings.ContainsAny(r.refusal, "\r\n") || len(r.refusal) > 64<<10 {
			t.Fatalf("refused with %q", r.refusal)
		}
		if h.verb != subject.Configure {
			return
		}
		_, err := status.DecodeSettings(data)
		if (err == nil) != (r.code == "") || (err == nil) != (len(camera.settings) == 1) || err != nil && r.code != "400" {
			t.Fatalf("%v, answered %q, the camera got %d", err, r.code, len(camera.settings))
		}
		if st, err := status.Decode(r.answer); r.code == "" && (err != nil || st.Camera != "porch") {
			t.Fatalf("answered %s: %v", r.answer, err)
		}
	})
}
