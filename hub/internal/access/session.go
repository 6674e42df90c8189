package access

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
	// SessionLife is how long a session cookie is good for; one that is in use is renewed.
	SessionLife = 24 * time.Hour

	// sessionRenew is how old a cookie is when it is renewed.
	sessionRenew = time.Hour

	// sessionMax is how long after the login the password is asked again, however busy the session is.
	sessionMax = 30 * 24 * time.Hour

	// sessionIDSize is the size of a session's id in bytes.
	sessionIDSize = 16

	maxCookie = 3800 // browsers take 4096 with the name
)

// Cookie is a session cookie: its value, and when it is no good any more.
type Cookie struct {
	Value   secret.Text
	Expires time.Time
}

// session is what a cookie says. The id stays with the session when the cookie is renewed, so that a logout ends all its cookies.
type session struct {
	User       string `json:"u"`
	ID         string `json:"i"`
	Generation string `json:"g"`
	Login      int64  `json:"l"` // Unix seconds, like the others
	Issued     int64  `json:"s"`
	Expires    int64  `json:"e"`

	// Set for a login at an external provider.
	Method string   `json:"m,omitempty"` // such as MethodOIDC
	Groups []string `json:"r,omitempty"` // that a mapping names
	End    int64    `json:"x,omitempty"` // of the session, even if it is in use
}

// past returns the record of the session for when it has ended.
// External people are distinct from users of the same name in the file: only their names have a colon.
func (c session) past() EndedSession {
	e := EndedSession{c.User, c.ID, c.Login}
	if c.Method != "" {
		e.User = c.Method + ":" + c.User
	}
	if e.Validate() != nil { // the name may not stand in the file
		sum := sha256.Sum256([]byte(e.User))
		e.User = "sha256:" + hex.EncodeToString(sum[:])
	}
	return e
}

// sessions makes cookies and knows which have ended.
type sessions struct{ past *EndedSessions }

// begin returns the cookie of a new session.
func (s sessions) begin(b *Snapshot, u User, now time.Time) (Cookie, error) {
	return b.issue(session{User: u.Name, ID: newSessionID(), Generation: u.generation(), Login: now.Unix()}, now)
}

func newSessionID() string {
	id := make([]byte, sessionIDSize)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

func (b *Snapshot) issue(s session, now time.Time) (Cookie, error) {
	expires := now.Add(SessionLife)
	if end := time.Unix(s.Login, 0).Add(sessionMax); end.Before(expires) {
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
	value := secret.Text(text + "." + base64.RawURLEncoding.EncodeToString(sign(b.sessionKey, text)))
	return Cookie{value, time.Unix(s.Expires, 0)}, nil
}

// read returns what a cookie says, if it is signed by this file's key.
func (b *Snapshot) readCookie(value secret.Text) (s session, err error) {
	text, mac, ok := strings.Cut(value.Reveal(), ".")
	signature, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	if !ok || err != nil || len(value) > maxCookie || b.sessionKey == nil || !hmac.Equal(signature, sign(b.sessionKey, text)) {
		return s, errors.New("not a session cookie of this hub, or its key was renewed")
	}
	data, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s)
}

// check returns whose session a cookie belongs to, and a new cookie if that one is getting old.
func (s sessions) check(b *Snapshot, value secret.Text, now time.Time) (p Principal, renewed *Cookie, err error) {
	c, err := b.readCookie(value)
	if err != nil {
		return p, nil, err
	}
	switch {
	case now.Unix() >= c.Expires:
		return p, nil, errors.New("the session has expired")
	case s.past.has(c.past()):
		return p, nil, errors.New("the session has ended by a logout")
	}
	if p, err = b.ofSession(c); err != nil {
		return p, nil, err
	}
	if now.Sub(time.Unix(c.Issued, 0)) >= sessionRenew {
		next, err := b.issue(c, now)
		if err != nil {
			return p, nil, err
		}
		if next.Expires.Unix() > c.Expires {
			renewed = &next
		}
	}
	p.session, p.key, p.expires = &c, b.sessionKey, time.Unix(c.Expires, 0)
	return p, renewed, nil
}

// end ends the session of a cookie, with all its cookies.
func (s sessions) end(b *Snapshot, value secret.Text) (user string, err error) {
	c, err := b.readCookie(value)
	if err != nil {
		return "", err
	}
	s.past.end(c.past())
	return c.User, nil
}
