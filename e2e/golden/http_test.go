package golden

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"
)

// record sends the requests one after the other and compares the exchanges with a golden file.
func (r *relay) record(file string, requests []request) {
	r.t.Helper()
	var got strings.Builder
	got.WriteString("Header of every answer, which is left out below:\n")
	r.usual = nil
	ex := r.do(request{target: "/healthz"})
	for _, line := range headerLines(ex) {
		if !strings.HasPrefix(line, "Content-Type:") {
			r.usual = append(r.usual, line)
			got.WriteString("< " + line + "\n")
		}
	}
	got.WriteString("\n")
	for _, q := range requests {
		got.WriteString(r.show(r.do(q)))
	}
	compare(r.t, file, got.String())
}

// gets makes requests of targets.
func gets(targets ...string) (list []request) {
	for _, target := range targets {
		list = append(list, request{target: target})
	}
	return list
}

// with adds header lines to requests.
func with(requests []request, header ...string) []request {
	for i := range requests {
		requests[i].header = append(requests[i].header, header...)
	}
	return requests
}

// post makes a request that posts JSON.
func post(target, body string, header ...string) request {
	return request{method: "POST", target: target, body: body, header: append([]string{"Content-Type: application/json"},
		header...)}
}

// TestHTTP asks a hub without users for everything.
func TestHTTP(t *testing.T) {
	r := start(t, nil)
	r.populate(r.connect())
	t.Run("routes", func(t *testing.T) {
		requests := gets("/", "/cam/desk", "/cam/later", "/cam/desk?embed", "/login", "/login?next=cam/desk",
			"/assets/style.css", "/assets/icon.svg",
			"/assets/app.js", "/bramble-camera.js", "/api/v1/openapi.yaml", "/healthz", "/readyz", "/metrics", "/api/v1/me",
			"/api/v1/hub", "/api/v1/cameras", "/api/v1/cameras/desk", "/api/v1/cameras/gone", "/api/v1/cameras/desk/controls",
			"/cam/desk.jpeg", "/cam/desk.jpg", "/cam/desk.jpeg?max_age=1h&_=123", "/cam/desk.jpeg?width=16",
			"/cam/desk.jpeg?rotate=90&quality=50")
		for _, q := range requests[:len(requests):len(requests)] {
			q.method = "HEAD"
			requests = append(requests, q)
		}
		r.on(t).record("http-routes.txt", requests)
	})
	t.Run("streams", func(t *testing.T) { r.on(t).record("http-streams.txt", r.streams()) })
	t.Run("errors", func(t *testing.T) { r.on(t).record("http-errors.txt", failing()) })
	t.Run("settings", func(t *testing.T) { r.on(t).record("http-settings.txt", settings()) })
	t.Run("origins", func(t *testing.T) { r.on(t).record("http-origins.txt", origins()) })
	t.Run("aliases", func(t *testing.T) { r.on(t).record("http-aliases.txt", r.aliases()) })
}

// on returns the relay for a subtest.
func (r *relay) on(t *testing.T) *relay {
	other := *r
	other.t = t
	return &other
}

func (r *relay) streams() []request {
	list := []request{
		{target: "/cam/desk.mjpeg", stream: r.parts},
		{target: "/cam/desk.mjpeg?fps=5", stream: r.parts},
		{target: "/cam/desk.mjpeg?width=32", stream: r.parts},
		{target: "/cam/gone.mjpeg", stream: r.parts},
		{target: "/cam/yard.h264", stream: r.annexB},
		{target: "/cam/yard.mp4", stream: r.boxes},
		{target: "/cam/yard.mp4?duration=0.3", stream: r.boxes},
	}
	for _, q := range list[:len(list):len(list)] {
		q.method = "HEAD"
		list = append(list, q)
	}
	return list
}

// failing are requests for what cannot be had.
func failing() (list []request) {
	list = gets("/nothing", "/assets/nothing.js", "/assets/", "/api/v1", "/api/v1/nothing", "/api/v1/cameras/",
		"/cam/desk.gif", "/cam/desk.", "/cam/desk.mjpeg.mp4", "/cam/missing.jpeg", "/cam/missing.mjpeg", "/cam/missing.h264",
		"/cam/missing.mp4", "/api/v1/cameras/missing", "/api/v1/cameras/missing/controls", "/cam/DESK", "/cam/DESK.jpeg",
		"/cam/.jpeg", "/api/v1/cameras/a.b", "/cam/desk.jpeg?max_age=soon", "/cam/desk.jpeg?max_age=-1s",
		"/cam/desk.jpeg?max_age=61m", "/cam/desk.jpeg?width=big",
		"/cam/desk.jpeg?width=15", "/cam/desk.jpeg?width=8193", "/cam/desk.jpeg?quality=0", "/cam/desk.jpeg?quality=101",
		"/cam/desk.jpeg?rotate=45", "/cam/desk.jpeg?fps=0", "/cam/desk.mjpeg?fps=fast", "/cam/desk.mjpeg?fps=121",
		"/cam/desk.mjpeg?width=NaN",
		"/cam/desk.mjpeg?quality=x", "/cam/desk.mjpeg?rotate=1", "/cam/yard.h264?width=1", "/cam/yard.h264?bitrate=1",
		"/cam/yard.h264?bitrate=fast",
		"/cam/yard.mp4?duration=long", "/cam/yard.mp4?duration=0.05", "/cam/yard.mp4?duration=2h", "/cam/yard.mp4?bitrate=1",
		"/cam/yard.mp4?width=NaN",
		"/cam/gone.jpeg?max_age=soon", "/cam/desk.h264", "/cam/desk.mp4", "/cam/yard.jpeg", "/cam/yard.mjpeg",
		"/cam/yard.h264?bitrate=500000",
		"/cam/yard.mp4?bitrate=100000", "/cam/gone.jpeg", "/cam/gone.jpeg?max_age=0", "/cam/left.h264", "/cam/left.mp4",
		"/login/oidc", "/login/oidc/callback?code=x&state=x", "/cam/"+strings.Repeat("x", 64)+".jpeg")
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		for _, target := range []string{"/", "/cam/desk.jpeg", "/cam/desk.mjpeg", "/api/v1/cameras", "/metrics",
			"/ws", "/healthz"} {
			list = append(list, request{method: method, target: target})
		}
	}
	return append(list, request{method: "PUT", target: "/login"}, request{target: "/logout"},
		request{method: "HEAD", target: "/cam/missing.jpeg"},
		request{method: "HEAD", target: "/cam/gone.jpeg"}, request{method: "POST", target: "/login"},
		request{method: "POST", target: "/logout"})
}

// settings are requests that change settings of a camera.
func settings() []request {
	const target = "/api/v1/cameras/desk/controls"
	return []request{
		post(target, `{"fps":5}`), post(target, `{"controls":{"brightness":7}}`), post(target, `{"quality":1}`),
		post(target, `{"quality":2}`), post(target, `{}`), post(target, `{"speed":1}`), post(target, `{"fps":`),
		post(target, ""), post(target, `{"controls":{"`+strings.Repeat("x", 9000)+`":1}}`),
		{method: "POST", target: target, header: []string{"Content-Type: text/plain"}, body: `{"fps":5}`},
		post("/api/v1/cameras/missing/controls", `{"fps":5}`),
		post(target, `{"fps":5}`, "Origin: https://example.org"), post(target, `{"fps":5}`, "Sec-Fetch-Site: cross-site"),
	}
}

// origins are requests for other hosts, of other pages and through proxies.
func origins() (list []request) {
	for _, header := range [][]string{
		{"Host: example.org"}, {"Host: localhost:1"}, {"Host: 127.0.0.1"}, {"Host: 192.0.2.1:8080"}, {"Host: "},
		{"Origin: https://example.org"}, {"Origin: null"}, {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors",
			"Sec-Fetch-Dest: image"},
		{"Sec-Fetch-Site: same-origin"}, {"Sec-Fetch-Site: none"}, {"Sec-Fetch-Site: same-site"},
		{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"},
		{"Referer: https://example.org/page"},
		{"X-Forwarded-For: 203.0.113.7"}, {"X-Forwarded-Host: example.org"}, {"Forwarded: for=203.0.113.7"},
		{"X-Forwarded-Proto: https"},
		{"X-Forwarded-Prefix: /cams"}, {"Via: 1.1 proxy"},
	} {
		list = append(list, with(gets("/cam/desk.jpeg"), header...)...)
	}
	return append(list, with(gets("/", "/healthz", "/assets/style.css", "/bramble-camera.js"), "Host: example.org")...)
}

// aliases are other camera servers' addresses.
func (r *relay) aliases() []request {
	list := gets("/cam/desk/", "/cam/desk/snapshot", "/cam/desk/snapshot.jpg", "/cam/desk/snapshot.jpeg",
		"/cam/desk/state", "/cam/desk/nothing",
		"/cam/desk/?action=snapshot", "/cam/desk/?action=dance", "/cam/missing/snapshot", "/cam/yard/video.h264?width=0",
		"/cam/desk/video.mp4", "/cam/yard/state", "/?action=snapshot", "/?action=dance", "/webcam",
		"/webcam/?action=snapshot", "/webcam1/?action=snapshot",
		"/webcam3/?action=snapshot", "/webcam9/?action=snapshot", "/webcam0/?action=snapshot", "/webcamx/?action=snapshot",
		"/api/frame.jpeg?src=desk", "/api/frame.jpeg?src=desk&w=16&junk=1", "/api/frame.jpeg?src=missing", "/api/frame.jpeg",
		"/api/stream.mp4?src=desk", "/api/streams", "/api/stream.mjpeg?src=missing", "/cam/desk/stream?fps=1000")
	for _, target := range []string{
		"/cam/desk/stream", "/cam/desk/stream.mjpg", "/cam/desk/stream.mjpeg", "/cam/desk/?action=stream", "/?action=stream",
		"/webcam/?action=stream", "/webcam?action=stream", "/api/stream.mjpeg?src=desk",
	} {
		list = append(list, request{target: target, stream: r.parts})
	}
	return append(list, request{target: "/cam/yard/video.h264", stream: r.annexB},
		request{target: "/cam/yard/video.mp4", stream: r.boxes}, request{target: "/api/stream.mp4?src=yard", stream: r.boxes})
}

// parts shows the first part of a multipart stream, and how the next one begins.
func (r *relay) parts(b *bufio.Reader) string {
	var shown strings.Builder
	length := 0
	for shown.Len() == 0 || length == 0 || !strings.HasSuffix(shown.String(), `"\r\n"`+"\n") {
		line, err := b.ReadString('\n')
		if err != nil {
			r.t.Fatal(err)
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if name == "Content-Length" {
			length, _ = strconv.Atoi(value)
			if length != deskSize {
				line = strings.ReplaceAll(line, value, "(number)")
			}
		}
		if name == "X-Timestamp" && value != fmt.Sprintf("%d.123456", moment().Unix()) {
			line = strings.ReplaceAll(line, value, "(time)")
		}
		fmt.Fprintf(&shown, "%q\n", line)
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(b, data); err != nil {
		r.t.Fatal(err)
	}
	if bytes.Equal(data, read(r.t, "desk.jpg")) {
		shown.WriteString("(desk.jpg)\n")
	} else {
		shown.WriteString("(another JPEG)\n")
	}
	for range 2 {
		line, err := b.ReadString('\n')
		if err != nil {
			r.t.Fatal(err)
		}
		fmt.Fprintf(&shown, "%q\n", line)
	}
	return shown.String()
}

// annexB shows the first access unit of a stream.
func (r *relay) annexB(b *bufio.Reader) string {
	want := read(r.t, "yard.h264")
	got := make([]byte, len(want))
	if _, err := io.ReadFull(b, got); err != nil {
		r.t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		return hex.Dump(got)
	}
	return "(yard.h264)"
}

// boxes shows the first boxes of an MP4 stream: all of the init segment, and the kinds of what follows.
func (r *relay) boxes(b *bufio.Reader) string {
	var shown strings.Builder
	for range 4 {
		head := make([]byte, 8)
		if _, err := io.ReadFull(b, head); err != nil {
			r.t.Fatal(err)
		}
		data := make([]byte, binary.BigEndian.Uint32(head)-8)
		if _, err := io.ReadFull(b, data); err != nil {
			r.t.Fatal(err)
		}
		kind := string(head[4:])
		if kind == "mdat" {
			fmt.Fprintf(&shown, "mdat of %d bytes\n", len(data))
			continue
		}
		if kind == "moof" { // mfhd's sequence number depends on the frames before
			clear(data[12:16])
		}
		fmt.Fprintf(&shown, "%s\n%s", kind, hex.Dump(data))
	}
	return shown.String()
}
