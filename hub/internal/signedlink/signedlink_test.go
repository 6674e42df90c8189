package signedlink_test

import (
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/signedlink"
	"github.com/bramble-cam/bramble/internal/secret"
)

func keyOf(text string) []byte { return []byte(strings.Repeat(text, 32)) }

func TestLink(t *testing.T) {
	key, now := keyOf("k"), time.Unix(1_790_000_000, 0)
	link, err := signedlink.Sign(key,
		signedlink.Link{Camera: "porch", Formats: []string{"mjpeg", "jpeg", "mjpeg"}, Expires: now.Add(time.Hour)})
	if err != nil || !strings.HasPrefix(link.Reveal(), "1790003600.jpeg-mjpeg.") {
		t.Fatalf("%q, %v", link.Reveal(), err)
	}
	l, err := signedlink.Verify(key, "porch", link, now)
	if err != nil || l.Camera != "porch" || strings.Join(l.Formats, " ") != "jpeg mjpeg" ||
		!l.Expires.Equal(now.Add(time.Hour)) {
		t.Errorf("%+v, %v", l, err)
	}
	text := link.Reveal()
	signature := text[strings.LastIndex(text, ".")+1:]
	for name, test := range map[string]struct {
		key          []byte
		camera, link string
		at           time.Time
		says         string
	}{
		"expired":        {key, "porch", text, now.Add(time.Hour), "expired"},
		"another camera": {key, "garden", text, now, "not signed"},
		"more formats":   {key, "porch", "1790003600.jpeg-mjpeg-mp4." + signature, now, "not signed"},
		"less formats":   {key, "porch", "1790003600.jpeg." + signature, now, "not signed"},
		"out of order":   {key, "porch", "1790003600.mjpeg-jpeg." + signature, now, "order"},
		"longer":         {key, "porch", "1990003600.jpeg-mjpeg." + signature, now, "not signed"},
		"another format": {key, "porch", "1790003600.gif." + signature, now, "not signed"},
		"cut":            {key, "porch", text[:len(text)-1], now, "not a signed link"},
		"nothing":        {key, "porch", "", now, "not a signed link"},
		"bad camera":     {key, "porch\n", text, now, "not allowed"},
		"new key":        {keyOf("n"), "porch", text, now, "renewed"},
		"no key":         {nil, "porch", text, now, "renewed"},
	} {
		if l, err := signedlink.Verify(test.key, test.camera, secret.Text(test.link), test.at); err == nil ||
			!strings.Contains(err.Error(), test.says) || l.Camera != "" {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	for name, l := range map[string]signedlink.Link{
		"no format": {"porch", nil, now}, "bad format": {"porch", []string{"GIF"}, now},
		"bad camera": {"lab-*", []string{"jpeg"}, now}, "no end": {"porch", []string{"jpeg"}, time.Time{}},
	} {
		if _, err := signedlink.Sign(key, l); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
	if _, err := signedlink.Sign(nil, signedlink.Link{Camera: "porch", Formats: []string{"jpeg"},
		Expires: now}); err == nil {
		t.Error("signed without a key")
	}
}

func FuzzLink(f *testing.F) {
	key, now := keyOf("k"), time.Unix(1_790_000_000, 0)
	good, err := signedlink.Sign(key,
		signedlink.Link{Camera: "porch", Formats: []string{"jpeg"}, Expires: now.Add(time.Hour)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("porch", good.Reveal())
	for _, s := range []string{
		"", "..", "1.jpeg.", "1790003600.jpeg." + strings.Repeat("A", 43),
		"999999999999.jpeg-jpeg-jpeg-jpeg." + strings.Repeat("_", 43), "0.jpeg.x", "1790003600.jpeg\n.x",
	} {
		f.Add("porch", s)
	}
	f.Fuzz(func(t *testing.T, camera, text string) {
		l, err := signedlink.Verify(key, camera, secret.Text(text), now)
		if (err == nil) != (camera == "porch" && text == good.Reveal()) {
			t.Errorf("%q for %q: %+v, %v", text, camera, l, err)
		}
		expires := now.Add(time.Duration(len(text)) * time.Second)
		link, err := signedlink.Sign(key, signedlink.Link{Camera: camera, Formats: strings.Split(text, "-"),
			Expires: expires})
		if err != nil {
			return
		}
		if l, err := signedlink.Verify(key, camera, link, now); err != nil && len(text) > 0 || err == nil &&
			l.Camera != camera {
			t.Errorf("signed for %q as %s, and not accepted: %v", camera, link.Reveal(), err)
		}
	})
}
