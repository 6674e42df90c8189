package service

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/status"
	"github.com/bramble-cam/bramble/shared/subject"
)

// TestConfigure: what is asked reaches the camera, and the answer shows the settings as they are then.
func TestConfigure(t *testing.T) {
	camera := newFakeCamera()
	s := serve(t, camera, server.Options{})
	msg, err := s.nc.Request(subject.Space{}.Do("porch", subject.Configure),
		[]byte(`{"fps":12.5,"controls":{"brightness":7}}`), testutil.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	got := testutil.Receive(t, "the settings", camera.settings)
	if got.FPS == nil || *got.FPS != 12.5 || !reflect.DeepEqual(got.Controls, map[string]int64{"brightness": 7}) {
		t.Errorf("the camera got %+v", got)
	}
	st, err := status.Decode(msg.Data)
	if err != nil || len(st.Controls) != 1 || st.Controls[0].Value != 7 {
		t.Errorf("answered %s (%v)", msg.Data, err)
	}
}

// TestConfigureErrors: each refusal has its code and says what would be right.
func TestConfigureErrors(t *testing.T) {
	for _, c := range []struct {
		name, data string
		camera     error
		code, want string
	}{
		{"no settings", "", nil, "400", "JSON object"},
		{"unknown setting", `{"speed":1}`, nil, "400", "speed"},
		{"too large", `{"controls":{"` + strings.Repeat("x", status.MaxSettingsSize) + `":1}}`, nil, "400", "at most"},
		{"out of range", `{"fps":1000}`, fmt.Errorf("%w: fps: 1 to 60", ErrBadRequest), "400", "1 to 60"},
		{"cannot", `{"fps":10}`, ErrUnsupported, "501", "cannot"},
		{"fault", `{"fps":10}`, errors.New("the lens fell off"), "500", "lens"},
	} {
		t.Run(c.name, func(t *testing.T) {
			camera := newFakeCamera()
			camera.configure = c.camera
			s := serve(t, camera, server.Options{})
			msg, err := s.nc.Request(subject.Space{}.Do("porch", subject.Configure), []byte(c.data), testutil.Timeout)
			if err != nil {
				t.Fatal(err)
			}
			code, text := msg.Header.Get(micro.ErrorCodeHeader), msg.Header.Get(micro.ErrorHeader)
			if code != c.code || !strings.Contains(text, c.want) {
				t.Errorf("error %s %q, want %s with %q", code, text, c.code, c.want)
			}
		})
	}
}
