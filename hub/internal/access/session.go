package access

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/bramble-cam/bramble/shared/secret"
)

const (
	// SessionLife is how long a session cookie is good for; one that is in use is renewed.
	SessionLife = 24 * time.Hour

	// sessionRenew is how old a cookie is when it is renewed.
	sessionRenew = time.Hour

	// sessionMax is how long after the login the password is asked again, however busy the session is.
	sessionMax = 30 * 24 * time.Hour

	// maxRevoked bounds how many sessions are remembered as ended by a logout.
	maxRevoked = 4096

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

	// Of a login at somebody else.
	Method string   `json:"m,omitempty"` // such as ByOIDC
	Groups []string `json:"r,omitempty"` // that a mapping names
	End    int64    `json:"x,omitempty"` // of the session, however busy it is
}

// sessions makes cookies and remembers which have ended.
type sessions struct {
	mu      sync.Mutex
	revoked map[string]time.Time // when a session that was ended would have ended anyway, by id; guarded by mu
	floor   time.Time            // logins of before count no more; guarded by mu
}

func newSessions() *sessions { return &sessions{revoked: make(map[string]time.Time)} }

// begin returns the cookie of a new session.
func (s *sessions) begin(b *Book, u User, now time.Time) (Cookie, error) {
	return b.issue(session{User: u.Name, ID: newSessionID(), Generation: u.generation(), Login: now.Unix()}, now)
}

func newSessionID() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

func (b *Book) issue(s session, now time.Time) (Cookie, error) {
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
func (b *Book) readCookie(value secret.Text) (s session, err error) {
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
func (s *sessions) check(b *Book, value secret.Text, now time.Time) (p Principal, renewed *Cookie, err error) {
	c, err := b.readCookie(value)
	if err != nil {
		return p, nil, err
	}
	switch {
	case now.Unix() >= c.Expires:
		return p, nil, errors.New("the session has expired")
	case s.ended(c):
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

func (s *sessions) ended(c session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, revoked := s.revoked[c.ID]
	return revoked || time.Unix(c.Login, 0).Before(s.floor)
}

// end ends the session of a cookie. When too many have ended to be remembered, all of before end with them: better one login more than a logout that is
// undone.
func (s *sessions) end(b *Book, value secret.Text, now time.Time) (user string, err error) {
	c, err := b.readCookie(value)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.revoked) >= maxRevoked {
		for id, until := range s.revoked {
			if !now.Before(until) {
				delete(s.revoked, id)
			}
		}
	}
	if len(s.revoked) >= maxRevoked {
		clear(s.revoked)
		s.floor = now.Truncate(time.Second).Add(time.Second) // cookies know seconds
	}
	s.revoked[c.ID] = time.Unix(c.Login, 0).Add(sessionMax)
	return c.User, nil
}
