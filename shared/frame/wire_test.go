package frame

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "update the golden file")

func sample() Frame {
	return Frame{
		Format: H264, Seq: 42, PTS: 1_680_000 * time.Microsecond, CaptureTime: time.Unix(0, 1_790_000_000_123_456_789),
		Epoch: 1_790_000_000_000_000_000, Key: true, Payload: []byte{0, 0, 0, 1, 0x65, 0x88},
	}
}

// TestGolden pins the headers of version 1, because other programs read them.
func TestGolden(t *testing.T) {
	var b strings.Builder
	write := func(f Frame) {
		h := Header{}
		Encode(h, &f)
		for _, name := range slices.Sorted(maps.Keys(h)) {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(h[name], " | "))
		}
		fmt.Fprintf(&b, "payload: % x\n\n", f.Payload)
	}
	f := sample()
	write(f)
	f.Seq, f.PTS, f.Key, f.Payload = 43, 1_720_000*time.Microsecond, false, []byte{0, 0, 0, 1, 0x41, 0x9a}
	write(f)
	f.Format, f.Seq, f.PTS, f.Payload = JPEG, 0, 0, []byte{0xff, 0xd8, 0xff, 0xd9}
	write(f)

	const golden = "testdata/v1.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the wire format has changed; got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestRoundTrip(t *testing.T) {
	h := Header{}
	for _, key := range []bool{true, false, true} { // one header, reused
		f := sample()
		f.Key = key
		Encode(h, &f)
		got, err := Decode(H264, h, f.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if !got.CaptureTime.Equal(f.CaptureTime) {
			t.Errorf("capture time %v, want %v", got.CaptureTime, f.CaptureTime)
		}
		got.CaptureTime = f.CaptureTime
		if !reflect.DeepEqual(got, f) {
			t.Errorf("got %+v, want %+v", got, f)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	payload := []byte{1}
	for _, test := range []struct {
		name   string
		change func(Header)
		want   string
	}{
		{"no headers", func(h Header) { clear(h) }, "header Cam-Seq: missing"},
		{"sequence not a number", func(h Header) { h[HeaderSeq] = []string{"x"} },
			`header Cam-Seq="x": not a decimal number`},
		{"sequence negative", func(h Header) { h[HeaderSeq] = []string{"-1"} }, "Cam-Seq"},
		{"sequence too large", func(h Header) { h[HeaderSeq] = []string{strings.Repeat("9", 100)} },
			strings.Repeat("9", 32) + `..."`},
		{"PTS missing", func(h Header) { delete(h, HeaderPTS) }, "header Cam-Pts: missing"},
		{"PTS beyond a duration", func(h Header) { h[HeaderPTS] = []string{"9223372036854775807"} }, "Cam-Pts"},
		{"time missing", func(h Header) { h[HeaderTime] = nil }, "header Cam-Time: missing"},
		{"time beyond int64", func(h Header) { h[HeaderTime] = []string{"18446744073709551615"} }, "Cam-Time"},
		{"epoch missing", func(h Header) { delete(h, HeaderEpoch) }, "header Cam-Epoch: missing"},
		{"key not 1", func(h Header) { h[HeaderKey] = []string{"yes"} }, `header Cam-Key="yes": only "1"`},
		{"key empty", func(h Header) { h[HeaderKey] = []string{} }, "header Cam-Key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, f := Header{}, sample()
			Encode(h, &f)
			test.change(h)
			_, err := Decode(H264, h, payload)
			var headerErr *HeaderError
			if !errors.As(err, &headerErr) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want a HeaderError with %q", err, test.want)
			}
		})
	}
}

func TestDecodeLimits(t *testing.T) {
	h, f := Header{}, sample()
	Encode(h, &f)
	if _, err := Decode(H264, h, nil); !errors.Is(err, ErrNoPayload) {
		t.Errorf("empty payload: %v, want ErrNoPayload", err)
	}
	if _, err := Decode(H264, h, make([]byte, MaxPayload)); err != nil {
		t.Errorf("the largest payload: %v", err)
	}
	if _, err := Decode(H264, h, make([]byte, MaxPayload+1)); err == nil {
		t.Error("a payload over the limit was accepted")
	}
	if f, err := Decode(JPEG, h, f.Payload); err != nil || f.Key {
		t.Errorf("a JPEG marked as key frame: %+v, %v; the mark means nothing there", f, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("42", "1680000", "1790000000123456789", "1790000000000000000", "1", []byte{0xff, 0xd8})
	f.Add("", "-1", "18446744073709551616", "0x10", "0", []byte{})
	f.Fuzz(func(t *testing.T, seq, pts, at, epoch, key string, payload []byte) {
		h := Header{HeaderSeq: {seq}, HeaderPTS: {pts}, HeaderTime: {at}, HeaderEpoch: {epoch}}
		if key != "" {
			h[HeaderKey] = []string{key}
		}
		got, err := Decode(H264, h, payload)
		if err != nil {
			return
		}
		again := Header{}
		Encode(again, &got)
		back, err := Decode(H264, again, payload)
		if err != nil || back.Seq != got.Seq || back.PTS != got.PTS || back.Epoch != got.Epoch || back.Key != got.Key ||
			!back.CaptureTime.Equal(got.CaptureTime) {
			t.Errorf("%+v became %+v (%v)", got, back, err)
		}
		if got.PTS < 0 || got.Epoch < 0 {
			t.Errorf("negative time accepted: %+v", got)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	h, f := Header{}, sample()
	b.ReportAllocs()
	for b.Loop() {
		f.Seq++
		Encode(h, &f)
	}
}

func BenchmarkDecode(b *testing.B) {
	h, f := Header{}, sample()
	Encode(h, &f)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(H264, h, f.Payload); err != nil {
			b.Fatal(err)
		}
	}
}
