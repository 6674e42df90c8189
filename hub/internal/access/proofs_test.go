package access

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/secret"
)

func TestPassword(t *testing.T) {
	hash := hashPassword(rightPassword)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || hash == hashPassword(rightPassword) {
		t.Errorf("hash %s", hash)
	}
	h, err := parseHash(hash)
	if err != nil || h.String() != hash {
		t.Errorf("%v, %v", h, err)
	}
	v := newVerifier()
	older := phc{memory: 1024, passes: 1, lanes: 2, salt: []byte("saltsalt"), key: make([]byte, 24)}
	older.key = older.derive(rightPassword)
	for name, test := range map[string]struct {
		hash     string
		exists   bool
		password secret.Text
		want     bool
	}{
		"right": {hash, true, rightPassword, true}, "wrong": {hash, true, rightPassword + "x", false}, "empty": {hash, true, "", false},
		"unknown user": {"", false, rightPassword, false}, "disabled": {hash, false, rightPassword, false}, "long": {hash, true, secret.Text(strings.Repeat("x", 2000)), false},
		"other parameters": {older.String(), true, rightPassword, true}, "for nobody": {"", false, "nobody", false},
	} {
		if got := v.verify(User{Hash: test.hash}, test.exists, test.password); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Only two are checked at a time, and only some may wait.
func TestVerifierIsBounded(t *testing.T) {
	v := newVerifier()
	for range cap(v.slots) {
		if err := v.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2*maxQueued)
	for range 2 * maxQueued {
		go func() { ended <- v.enter(ctx) }()
	}
	for range maxQueued { // those that are too many do not wait
		if err := <-ended; !errors.Is(err, ErrBusy) {
			t.Fatal(err)
		}
	}
	v.leave()
	if err := <-ended; err != nil {
		t.Errorf("the turn of the next: %v", err)
	}
	cancel()
	for range maxQueued - 1 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
	}
}

func TestToken(t *testing.T) {
	c := newCast(t)
	b := load(t, c.file)
	now := time.Now()
	p, err := b.token(c.token, now)
	if err != nil || p.Name != "anna" || p.Role != Viewer || !p.CanView("porch") || p.CanView("garden") {
		t.Errorf("%+v, %v", p, err)
	}
	var short secret.Text
	edit(t, c.file, func(d *File) (err error) { _, short, err = d.AddToken("anna", "short", time.Hour); return err })
	ledger.hide("token", short.Reveal())
	b = load(t, c.file)
	if _, err := b.token(short, now.Add(59*time.Minute)); err != nil {
		t.Error(err)
	}
	text := c.token.Reveal()
	for name, test := range map[string]struct {
		token secret.Text
		at    time.Time
		says  string
	}{
		"expired": {short, now.Add(2 * time.Hour), "expired"}, "of somebody disabled": {c.oldToken, now, "disabled"}, "nothing": {"", now, "not an API token"},
		"another secret": {secret.Text(text[:len(text)-1] + "a"), now, "not known"}, "another id": {secret.Text("bt_aaaaaaaa" + text[11:]), now, "not known"},
		"id only": {secret.Text(text[:12]), now, "not an API token"}, "with a space": {c.token + " ", now, "not an API token"},
	} {
		if p, err := b.token(test.token, test.at); err == nil && test.token != c.token || p.HasRole(Viewer) && test.token != c.token || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	edit(t, c.file, func(d *File) error { return d.RemoveToken(c.tokenID) })
	if _, err := load(t, c.file).token(c.token, now); err == nil {
		t.Error("a removed token is good")
	}
}

func FuzzToken(f *testing.F) {
	c := newCast(f)
	b := load(f, c.file)
	f.Add(c.token.Reveal())
	for _, s := range []string{"", "bt_", "bt__", "bt_aaaaaaaa_", "bt_aaaaaaaa_" + strings.Repeat("a", 52), "BT_AAAAAAAA_" + strings.Repeat("A", 52), "bt_aaaaaaaa_" + strings.Repeat("a", 53)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, proof, err := ParseToken(secret.Text(text))
		if err == nil && "bt_"+id+"_"+proof.Reveal() != text {
			t.Errorf("%q is read as %q and %q", text, id, proof.Reveal())
		}
		p, err := b.token(secret.Text(text), time.Now())
		if (err == nil) != (text == c.token.Reveal()) || err != nil && (p.HasRole(Viewer) || p.CanView("porch")) {
			t.Errorf("%q opens the door: %+v", text, p)
		}
	})
}

func TestLink(t *testing.T) {
	c := newCast(t)
	b := load(t, c.file)
	now := time.Unix(1_790_000_000, 0)
	link, err := b.Sign(Link{Camera: "porch", Formats: []string{"mjpeg", "jpeg", "mjpeg"}, Expires: now.Add(time.Hour)})
	if err != nil || !strings.HasPrefix(link.Reveal(), "1790003600.jpeg-mjpeg.") {
		t.Fatalf("%q, %v", link.Reveal(), err)
	}
	ledger.hide("link", link.Reveal())
	p, err := b.link("porch", link, now)
	if err != nil || p.Role != Viewer || p.Method != MethodLink || !p.CanViewFormat("porch", "jpeg") || p.CanViewFormat("porch", "mp4") || p.CanViewFormat("garden", "jpeg") {
		t.Errorf("%+v, %v", p, err)
	}
	text := link.Reveal()
	signature := text[strings.LastIndex(text, ".")+1:]
	edit(t, c.file, func(d *File) error { d.RenewLinkKey(); return nil })
	for name, test := range map[string]struct {
		book         *Snapshot
		camera, link string
		at           time.Time
		says         string
	}{
		"expired":        {b, "porch", text, now.Add(time.Hour), "expired"},
		"another camera": {b, "garden", text, now, "not signed"},
		"more formats":   {b, "porch", "1790003600.jpeg-mjpeg-mp4." + signature, now, "not signed"},
		"less formats":   {b, "porch", "1790003600.jpeg." + signature, now, "not signed"},
		"out of order":   {b, "porch", "1790003600.mjpeg-jpeg." + signature, now, "order"},
		"longer":         {b, "porch", "1990003600.jpeg-mjpeg." + signature, now, "not signed"},
		"unknown format": {b, "porch", "1790003600.gif." + signature, now, "gif"},
		"cut":            {b, "porch", text[:len(text)-1], now, "not a signed link"},
		"nothing":        {b, "porch", "", now, "not a signed link"},
		"bad camera":     {b, "porch\n", text, now, "not allowed"},
		"new key":        {load(t, c.file), "porch", text, now, "renewed"},
		"no key":         {newSnapshot(&File{}), "porch", text, now, "renewed"},
	} {
		if p, err := test.book.link(test.camera, secret.Text(test.link), test.at); err == nil || !strings.Contains(err.Error(), test.says) || p.CanView("porch") {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	for name, l := range map[string]Link{
		"no format": {"porch", nil, now}, "bad format": {"porch", []string{"gif"}, now}, "bad camera": {"lab-*", []string{"jpeg"}, now}, "no end": {"porch", []string{"jpeg"}, time.Time{}},
	} {
		if _, err := b.Sign(l); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func FuzzLink(f *testing.F) {
	b := load(f, newCast(f).file)
	now := time.Unix(1_790_000_000, 0)
	good, err := b.Sign(Link{Camera: "porch", Formats: []string{"jpeg"}, Expires: now.Add(time.Hour)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("porch", good.Reveal())
	for _, s := range []string{"", "..", "1.jpeg.", "1790003600.jpeg." + strings.Repeat("A", 43), "999999999999.jpeg-jpeg-jpeg-jpeg." + strings.Repeat("_", 43), "0.jpeg.x", "1790003600.jpeg\n.x"} {
		f.Add("porch", s)
	}
	f.Fuzz(func(t *testing.T, camera, text string) {
		p, err := b.link(camera, secret.Text(text), now)
		if (err == nil) != (camera == "porch" && text == good.Reveal()) || err != nil && p.CanView(camera) {
			t.Errorf("%q for %q: %+v, %v", text, camera, p, err)
		}
		formats := strings.Split(text, "-")
		expires := now.Add(time.Duration(len(text)) * time.Second)
		link, err := b.Sign(Link{Camera: camera, Formats: formats, Expires: expires})
		if err != nil {
			return
		}
		p, err = b.link(camera, link, now)
		if err != nil && len(text) > 0 {
			t.Errorf("signed for %q as %s, and not accepted: %v", camera, link.Reveal(), err)
		}
		for _, format := range formats {
			if err == nil && !p.CanViewFormat(camera, format) {
				t.Errorf("%s is not allowed", strconv.Quote(format))
			}
		}
	})
}
