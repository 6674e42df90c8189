// Package session encodes the session of a login as a signed cookie. The hub keeps no list of sessions.
// Which sessions have ended by a logout belongs to package endedsessions.
package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/secret"
)

const (
	// Life is how long a cookie is valid. A cookie in use is renewed.
	Life = 24 * time.Hour

	// RenewAfter is the age at which a cookie is renewed.
	RenewAfter = time.Hour

	// MaxLife is how long after the login a session ends, even if it is in use.
	MaxLife = 30 * 24 * time.Hour

	// IDSize is the size of a session's id in bytes.
	IDSize = 16

	maxCookie = 3800 // browsers accept 4096 with the name
)

// Cookie is the value of a session cookie, and when it expires.
type Cookie struct {
	Value   secret.Text
	Expires time.Time
}

// Session is the content of a cookie. The ID stays when the cookie is renewed, so that a logout ends all its cookies.
type Session struct {
	User              string `json:"u"`
	ID                string `json:"i"`
	CredentialVersion string `json:"g"` // version of the user's credentials
	Login             int64  `json:"l"` // Unix seconds, like the others
	Issued            int64  `json:"s"`
	Expires           int64  `json:"e"`

	// Set for a login at an identity provider.
	Method string   `json:"m,omitempty"`
	Groups []string `json:"r,omitempty"` // that a mapping names
	End    int64    `json:"x,omitempty"` // of the session, even if it is in use
}

// NewID returns a random id for a new session.
func NewID() string {
	id := make([]byte, IDSize)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// Issue returns a cookie for s that is signed with key.
func (s Session) Issue(key []byte, now time.Time) (Cookie, error) {
	expires := now.Add(Life)
	if end := time.Unix(s.Login, 0).Add(MaxLife); end.Before(expires) {
		expires = end
	}
	if end := time.Unix(s.End, 0); s.End != 0 && end.Before(expires) {
		expires = end
	}
	s.Issued, s.Expires = now.Unix(), expires.Unix()
	data, err := json.Marshal(s)
	if err != nil {
		return Cookie{}, err
	}
	text := base64.RawURLEncoding.EncodeToString(data)
	value := secret.Text(text + "." + base64.RawURLEncoding.EncodeToString(sign(key, text)))
	return Cookie{value, time.Unix(s.Expires, 0)}, nil
}

// Parse returns the content of a cookie that is signed with key. It may have expired.
func Parse(key []byte, value secret.Text) (s Session, err error) {
	text, mac, ok := strings.Cut(value.Reveal(), ".")
	signature, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	if !ok || err != nil || len(value) > maxCookie || key == nil || !hmac.Equal(signature, sign(key, text)) {
		return s, errors.New("not a session cookie of this hub, or its key was renewed")
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}

// Renew returns a new cookie for a session whose cookie is getting old, or nil.
func (s Session) Renew(key []byte, now time.Time) (*Cookie, error) {
	if now.Sub(time.Unix(s.Issued, 0)) < RenewAfter {
		return nil, nil
	}
	next, err := s.Issue(key, now)
	if err != nil || next.Expires.Unix() <= s.Expires {
		return nil, err
	}
	return &next, nil
}

func sign(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
