package access

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/secret"
	"github.com/bramble-cam/bramble/shared/subject"
)

// LinkParameter is the query parameter in which a URL carries a signed link.
const LinkParameter = "link"

// linkFormats are the formats that a link may be for.
var linkFormats = []string{"h264", "jpeg", "mjpeg", "mp4"}

// A signed link is EXPIRES.FORMATS.SIGNATURE: Unix seconds, formats in alphabetical order joined by '-', and 43 characters of base64url. The camera is in the
// URL's path, and in what is signed.
var linkPattern = regexp.MustCompile(`^([1-9][0-9]{0,11})\.([a-z0-9]{1,5}(?:-[a-z0-9]{1,5}){0,3})\.([A-Za-z0-9_-]{43})$`)

// Link says which pictures a signed link opens, and until when.
type Link struct {
	Camera  string
	Formats []string
	Expires time.Time
}

// canonical is what is signed. None of the parts can hold a line feed.
func (l Link) canonical() string {
	return "bramble link 1\n" + l.Camera + "\n" + strings.Join(l.Formats, "-") + "\n" + strconv.FormatInt(l.Expires.Unix(), 10)
}

func (l Link) validate() error {
	if err := subject.ValidateID(l.Camera); err != nil {
		return err
	}
	if len(l.Formats) == 0 {
		return errors.New("a link needs a format: give --format mjpeg")
	}
	for i, f := range l.Formats {
		if !slices.Contains(linkFormats, f) {
			return fmt.Errorf("format %q is not known: give one or more of %s", printable.Short(f), strings.Join(linkFormats, ", "))
		}
		if i > 0 && f <= l.Formats[i-1] {
			return errors.New("the formats are not in order")
		}
	}
	return nil
}

// Sign returns the value of LinkParameter that opens a link. Formats may be in any order.
func (b *Snapshot) Sign(l Link) (secret.Text, error) {
	l.Formats = slices.Compact(slices.Sorted(slices.Values(l.Formats)))
	if err := l.validate(); err != nil {
		return "", err
	}
	if b.linkKey == nil {
		return "", errors.New("there is no credentials file with a key that signs links")
	}
	if l.Expires.Unix() <= 0 || l.Expires.Year() > 9999 {
		return "", errors.New("a link must expire: give --expires 24h")
	}
	return secret.Text(strconv.FormatInt(l.Expires.Unix(), 10) + "." + strings.Join(l.Formats, "-") + "." + base64.RawURLEncoding.EncodeToString(sign(b.linkKey, l.canonical()))), nil
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// link returns who comes with a signed link to a camera.
func (b *Snapshot) link(camera string, text secret.Text, now time.Time) (Principal, error) {
	m := linkPattern.FindStringSubmatch(text.Reveal())
	if m == nil {
		return Principal{}, errors.New("not a signed link: it looks like EXPIRES.FORMATS.SIGNATURE, as \"bramble-hub link\" prints it")
	}
	expires, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return Principal{}, err
	}
	l := Link{Camera: camera, Formats: strings.Split(m[2], "-"), Expires: time.Unix(expires, 0)}
	if err := l.validate(); err != nil {
		return Principal{}, err
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(m[3])
	if err != nil || b.linkKey == nil || !hmac.Equal(signature, sign(b.linkKey, l.canonical())) {
		return Principal{}, errors.New("the link is not signed for this camera, or its key was renewed")
	}
	if !now.Before(l.Expires) {
		return Principal{}, fmt.Errorf("the link expired at %s", l.Expires.UTC().Format(time.RFC3339))
	}
	return Principal{
		Name: "link", Role: Viewer, Method: MethodLink,
		grants: []grant{{camera, Viewer}}, formats: l.Formats, key: b.linkKey, expires: l.Expires,
	}, nil
}
