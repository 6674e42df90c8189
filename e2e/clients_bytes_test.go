package e2e

import (
	"bufio"
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub"
	"github.com/bramble-cam/bramble/internal/codec/h264"
)

// Parsers with the demands of programs that cannot be run here.

// request opens a URL for the time of the test.
func request(t *testing.T, from string) (http.Header, *bufio.Reader) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), playTime)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = resp.Body.Close() // it was cut
	})
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	return resp.Header, bufio.NewReader(resp.Body)
}

// likeGo2rtc chooses by the Content-Type, else by the first bytes, which must be a start code of four bytes and an SPS.
// A picture is what lies between the first SOI and the first EOI.
func likeGo2rtc(t *testing.T, from string, to target) (list []image.Image) {
	head, body := request(t, from)
	kind, _, _ := strings.Cut(head.Get("Content-Type"), ";")
	switch want := map[string]string{"jpeg": "image/jpeg", "mjpeg": "multipart/x-mixed-replace",
		"h264": "video/h264"}[to.kind]; {
	case kind != want:
		t.Fatalf("Content-Type %q, want %q", head.Get("Content-Type"), want)
	case to.kind == "h264":
		return firstUnits(t, body)
	case to.kind == "jpeg":
		picture, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return []image.Image{onePicture(t, picture)}
	}
	for len(list) < enough {
		list = append(list, onePicture(t, part(t, body)))
	}
	return list
}

// likeMainsail allocates from Content-Length, and shows a picture when it has seen a byte more.
func likeMainsail(t *testing.T, from string, to target) (list []image.Image) {
	head, body := request(t, from)
	if to.kind == "jpeg" {
		picture, err := io.ReadAll(body)
		if n := head.Get("Content-Length"); err != nil || n != strconv.Itoa(len(picture)) {
			t.Fatalf("Content-Length %q for %d bytes, %v", n, len(picture), err)
		}
		img := onePicture(t, picture)
		told, err := strconv.ParseFloat(head.Get("X-Timestamp"), 64)
		if at := clockOf(t, img); to.camera == "card" && (err != nil || at.UnixMilli() != int64(told*1000)) {
			t.Errorf("the picture shows %v and is told to be of %v", at, told)
		}
		return []image.Image{img}
	}
	for len(list) < enough {
		picture := part(t, body)
		if b, err := body.ReadByte(); err != nil || b != '\r' {
			t.Fatalf("%q, %v behind the picture", b, err)
		}
		list = append(list, onePicture(t, picture))
	}
	return list
}

// part reads the headers of a part and as many bytes as they say.
func part(t *testing.T, body *bufio.Reader) []byte {
	t.Helper()
	size := 0
	for {
		line, err := body.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); strings.EqualFold(name, "Content-Length") {
			if size, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				t.Fatal(err)
			}
		}
		if line == "\r\n" && size > 0 {
			break
		}
	}
	picture := make([]byte, size)
	if _, err := io.ReadFull(body, picture); err != nil {
		t.Fatal(err)
	}
	return picture
}

// onePicture decodes a JPEG that must have no second SOI or EOI inside.
func onePicture(t *testing.T, picture []byte) image.Image {
	t.Helper()
	soi, eoi := []byte{0xff, 0xd8}, []byte{0xff, 0xd9}
	if bytes.Count(picture, soi) != 1 || bytes.Count(picture, eoi) != 1 || !bytes.HasPrefix(picture, soi) ||
		!bytes.HasSuffix(picture, eoi) {
		t.Errorf("%d SOI, %d EOI in a picture", bytes.Count(picture, soi), bytes.Count(picture, eoi))
	}
	img, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// firstUnits takes the beginning of a raw stream, which is an SPS and a PPS.
func firstUnits(t *testing.T, body *bufio.Reader) []image.Image {
	t.Helper()
	const sps, pps, slice, idr = 7, 8, 1, 5
	var stream []byte
	buf := make([]byte, 4<<10)
	for {
		n, err := body.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		stream = append(stream, buf[:n]...)
		pictures := 0
		for nalu := range h264.NALUs(stream) {
			if k := nalu[0] & 0x1f; (k == slice || k == idr) && len(nalu) > 1 && nalu[1]&0x80 != 0 {
				// first_mb_in_slice is 0: a new picture (7.3.3)
				pictures++
			}
		}
		if pictures > enough { // the last one may not be complete
			break
		}
	}
	var kinds []byte
	for nalu := range h264.NALUs(stream) {
		kinds = append(kinds, nalu[0]&0x1f)
	}
	if !bytes.HasPrefix(stream, []byte{0, 0, 0, 1, 0x67}) || !bytes.HasPrefix(kinds, []byte{sps, pps}) ||
		bytes.IndexByte(kinds, idr) > bytes.IndexByte(kinds, slice) {
		t.Errorf("the stream begins with % x, NALUs %v", stream[:8], kinds[:3])
	}
	name := filepath.Join(t.TempDir(), "first.h264")
	if err := os.WriteFile(name, stream, 0o600); err != nil {
		t.Fatal(err)
	}
	return ffmpegShows(t, name, target{})
}

// TestMainsailAtOnce: the byte behind a picture comes with it, not with the next one, which at this rate comes a second
// later. One picture that has it proves that: a busy machine may be late with the others.
func TestMainsailAtOnce(t *testing.T) {
	root, natsURL := startHub(t, hub.Config{})
	startAgent(t, natsURL, "slow=pattern:#size=320x180&fps=1")
	waitCamera(t, root, "slow")
	_, body := request(t, root+"/cam/slow.mjpeg")
	for n := 0; ; n++ {
		clock := clockOf(t, onePicture(t, part(t, body)))
		if _, err := body.ReadByte(); err != nil {
			t.Fatal(err)
		}
		if time.Since(clock) < time.Second {
			return
		}
		if n == enough {
			t.Fatalf("the byte behind each of %d pictures came with the next one", n)
		}
	}
}
