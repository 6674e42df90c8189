// Package signedlink signs and verifies links that open one camera, in some formats, for some time, without a login.
package signedlink

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
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Parameter is the query parameter in which a URL carries a signed link.
const Parameter = "link"

// pattern is EXPIRES.FORMATS.SIGNATURE: Unix seconds, formats in alphabetical order joined by '-', 43 characters of
// base64url. The camera is in the URL's path, and in the signed text.
var pattern = regexp.MustCompile(`^([1-9][0-9]{0,11})\.([a-z0-9]{1,8}(?:-[a-z0-9]{1,8}){0,15})\.([A-Za-z0-9_-]{43})$`)

// format is the form of a format's name. Which formats exist, the caller of Sign knows.
var format = regexp.MustCompile(`^[a-z0-9]{1,8}$`)

// maxFormats bounds the formats of a link.
const maxFormats = 16

// Link says which pictures a signed link opens, and until when.
type Link struct {
	Camera  string
	Formats []string
	Expires time.Time
}

// Sign returns the value of Parameter that opens a link. Formats may be in any order.
func Sign(key []byte, l Link) (secret.Text, error) {
	l.Formats = slices.Compact(slices.Sorted(slices.Values(l.Formats)))
	if err := l.validate(); err != nil {
		return "", err
	}
	if key == nil {
		return "", errors.New("there is no credentials file with a key that signs links")
	}
	if l.Expires.Unix() <= 0 || l.Expires.Year() > 9999 {
		return "", setting.Errorf("a link must expire: give {expires} 24h")
	}
	return secret.Text(strconv.FormatInt(l.Expires.Unix(), 10) + "." + strings.Join(l.Formats, "-") + "." +
		base64.RawURLEncoding.EncodeToString(l.signature(key))), nil
}

// Verify returns the link to a camera that a text encodes, if it is signed with key and has not expired.
func Verify(key []byte, camera string, text secret.Text, now time.Time) (Link, error) {
	m := pattern.FindStringSubmatch(text.Reveal())
	if m == nil {
		return Link{}, errors.New("not a signed link: " +
			"it looks like EXPIRES.FORMATS.SIGNATURE, as \"bramble-hub link\" prints it")
	}
	expires, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return Link{}, err
	}
	l := Link{Camera: camera, Formats: strings.Split(m[2], "-"), Expires: time.Unix(expires, 0)}
	if err := l.validate(); err != nil {
		return Link{}, err
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(m[3])
	if err != nil || key == nil || !hmac.Equal(signature, l.signature(key)) {
		return Link{}, errors.New("the link is not signed for this camera, or its key was renewed")
	}
	if !now.Before(l.Expires) {
		return Link{}, fmt.Errorf("the link expired at %s", l.Expires.UTC().Format(time.RFC3339))
	}
	return l, nil
}

// signature signs the parts of a link. None of them can hold a line feed.
func (l Link) signature(key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "bramble link 1\n%s\n%s\n%d", l.Camera, strings.Join(l.Formats, "-"), l.Expires.Unix())
	return mac.Sum(nil)
}

func (l Link) validate() error {
	if err := subject.ValidateID(l.Camera); err != nil {
		return err
	}
	if len(l.Formats) == 0 {
		return setting.Errorf("a link needs a format: give {format} mjpeg")
	}
	if len(l.Formats) > maxFormats {
		return fmt.Errorf("a link has at most %d formats", maxFormats)
	}
	for i, f := range l.Formats {
		if !format.MatchString(f) {
			return fmt.Errorf("%q cannot be a format: give names such as mjpeg", printable.Short(f))
		}
		if i > 0 && f <= l.Formats[i-1] {
			return errors.New("the formats are not in order")
		}
	}
	return nil
}
