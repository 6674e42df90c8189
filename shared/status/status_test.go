package status

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/shared/frame"
)

func sample() Status {
	degrees := 48.5
	at := time.Date(2026, 7, 1, 12, 30, 0, 5, time.UTC)
	return Status{
		Camera: "porch", Instance: "x1", Started: at, Host: "pi1", Agent: "0.1.0", State: Degraded,
		Reason: "no frame: plug it in", Since: at.Add(time.Hour),
		Source: "exec", Format: frame.H264, Epoch: 7, Width: 1280, Height: 720, FPS: 14.9, Bitrate: 2_000_000,
		Frames: 10, Sent: 8, Drops: map[string]uint64{"gone": 2}, Warning: "B-frames", Clock: Clock{"arrival", -1},
		Temperature: &degrees,
	}
}

// TestJSON pins the JSON names, because other programs read them.
func TestJSON(t *testing.T) {
	got, err := json.Marshal(sample())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"camera":"porch","instance":"x1","started":"2026-07-01T12:30:00.000000005Z","host":"pi1",` +
		`"agent":"0.1.0","state":"degraded",` +
		`"reason":"no frame: plug it in","since":"2026-07-01T13:30:00.000000005Z","source":"exec",` +
		`"format":"h264","epoch":7,"width":1280,"height":720,` +
		`"fps":14.9,"bitrate":2000000,"frames":10,"sent":8,"drops":{"gone":2},"warning":"B-frames",` +
		`"clock":{"source":"arrival","error_us":-1},"temperature":48.5}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	back, err := Decode(got)
	if err != nil || !reflect.DeepEqual(back, sample()) {
		t.Errorf("came back as %+v, %v", back, err)
	}
}

// TestDecodeTakesWhatItDoesNotKnow: a newer agent may say more.
func TestDecodeTakesWhatItDoesNotKnow(t *testing.T) {
	for _, state := range []State{Idle, Starting, Live, Degraded, Stopped} {
		s, err := Decode([]byte(`{"camera":"a","instance":"1","state":"` + string(state) +
			`","format":"jpeg","zoom":3,"clock":{"leap":true}}`))
		if err != nil || s.State != state {
			t.Errorf("%s: %+v, %v", state, s, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	const good = `{"camera":"porch","instance":"1","state":"live","format":"jpeg"}`
	for _, c := range []struct{ name, data, want string }{
		{"nothing", "", "unexpected end of JSON"},
		{"no JSON", "porch is live", "invalid character"},
		{"something behind it", good + "x", "invalid character"},
		{"another type", `{"camera":7}`, "cannot unmarshal number"},
		{"a date that is none", strings.Replace(good, "{", `{"since":"yesterday",`, 1), "yesterday"},
		{"too large", good + strings.Repeat(" ", MaxSize), "at most 65536 are allowed"},
		{"too many controls", strings.Replace(good, "{", `{"controls":[{}`+strings.Repeat(",{}", 256)+`],`, 1),
			"257 controls: at most 256"},
		{"too many menu items", strings.Replace(good, "{", `{"controls":[{"menu":[""`+strings.Repeat(`,""`, 2048)+`]}],`, 1),
			"2049 menu items: at most 2048"},
		{"too many reasons", strings.Replace(good, "{", `{"drops":{`+reasons(65)+`},`, 1), "65 reasons: at most 64"},
		{"no camera", `{"instance":"1","state":"live","format":"jpeg"}`, `camera id "" is not allowed`},
		{"a camera id that is not allowed", strings.Replace(good, "porch", "../etc", 1),
			`camera id "../etc" is not allowed: use`},
		{"no instance", strings.Replace(good, "instance", "i", 1), "camera porch: instance is missing"},
		{"no format", strings.Replace(good, "format", "f", 1), "known are"},
		{"unknown format", strings.Replace(good, "jpeg", "av1", 1), `unknown format "av1"`},
		{"a long format", strings.Replace(good, "jpeg", strings.Repeat("x", 1000), 1), `unknown format "` +
			strings.Repeat("x", 32) + `..."`},
		{"no state", strings.Replace(good, "state", "s", 1), `unknown state ""`},
		{"a state that only hubs see", strings.Replace(good, "live", "offline", 1), `unknown state "offline"`},
		{"a long state", strings.Replace(good, "live", strings.Repeat("x", 1000), 1),
			`unknown state "` + strings.Repeat("x", 32) + `..."`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Decode([]byte(c.data))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "status document") {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if err != nil && len(err.Error()) > 400 {
				t.Errorf("the error repeats %d bytes of hostile text", len(err.Error()))
			}
		})
	}
}

// reasons returns the inside of an object with n members.
func reasons(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(`"r%d":1`, i)
	}
	return strings.Join(list, ",")
}

func FuzzDecode(f *testing.F) {
	data, err := json.Marshal(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"camera":"a","instance":"1","state":"live","format":"jpeg"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode(data)
		if err != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatalf("accepted, but cannot be said again: %v", err)
		}
		if len(again) > MaxSize {
			return
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("%s\n%v", again, err)
		}
		if more, err := json.Marshal(back); err != nil || string(more) != string(again) {
			t.Errorf("%s\nbecame\n%s, %v", again, more, err)
		}
	})
}
