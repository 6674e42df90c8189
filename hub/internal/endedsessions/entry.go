package endedsessions

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bramble-cam/bramble/hub/internal/session"
)

const (
	// Buckets is the number of parts in which two hubs compare their ended sessions.
	Buckets = 64

	// maxName bounds the name of a user in an Entry, in bytes.
	maxName = 256
)

// Entry is a session that a logout has ended.
// Without an ID it stands for all sessions of the user that began before Login.
// Without a User it stands for such sessions of all users.
type Entry struct {
	User  string `json:"u,omitempty"`
	ID    string `json:"i,omitempty"`
	Login int64  `json:"l"` // when the session began, in Unix seconds
}

// Validate refuses values that no hub writes.
func (e Entry) Validate() error {
	switch id, err := hex.DecodeString(e.ID); {
	case e.ID != "" && (err != nil || len(id) != session.IDSize || e.User == ""):
		return errors.New("an ended session has an id of 32 hexadecimal digits and a user")
	case len(e.User) > maxName || !utf8.ValidString(e.User) || strings.ContainsFunc(e.User, unicode.IsControl):
		return fmt.Errorf("an ended session has a user's name of up to %d bytes, without control characters", maxName)
	case e.Login <= 0 || e.Login >= 1<<40:
		return errors.New("an ended session has the time of its login, in Unix seconds")
	}
	return nil
}

// Bucket returns the part of all ended sessions that this one belongs to. One user's sessions share a bucket.
func (e Entry) Bucket() int {
	sum := sha256.Sum256([]byte(e.User))
	return int(sum[0]) % Buckets
}

// Of returns the entry of a session for when it has ended.
// External people are distinct from users of the same name in the file: only their names have a colon.
func Of(s session.Session) Entry {
	e := Entry{s.User, s.ID, s.Login}
	if s.Method != "" {
		e.User = s.Method + ":" + s.User
	}
	if e.Validate() != nil { // the name may not stand in the file
		sum := sha256.Sum256([]byte(e.User))
		e.User = "sha256:" + hex.EncodeToString(sum[:])
	}
	return e
}
