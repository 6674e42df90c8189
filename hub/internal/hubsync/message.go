package hubsync

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/hub/internal/access"
)

const (
	version = 1

	// keyHeader names the key by which a message is authenticated, and macHeader carries the MAC.
	keyHeader = "Bramble-Key"
	macHeader = "Bramble-Mac"

	// maxMessage bounds a message that is read, maxPage the ended sessions of one that is sent, in bytes.
	maxMessage = 64 << 10
	maxPage    = 32 << 10

	maxName = 253 // of a host
)

// Why a message is not taken.
var (
	errTooLong    = errors.New("it is too long")
	errUnsigned   = errors.New("it is not authenticated")
	errForeignKey = errors.New("it is authenticated by another link key")
	errVersion    = errors.New("it has another version")
)

// message is what one hub tells the others. docs/ref/wire.md describes it.
type message struct {
	Version  int    `json:"v"`
	Instance string `json:"instance"` // of this run of the hub

	Ended []access.EndedSession `json:"ended,omitempty"`
	State *state                `json:"state,omitempty"`
	Ask   bool                  `json:"ask,omitempty"`
}

// state is what a hub has, in short.
type state struct {
	Name        string                      `json:"name"`    // of its host
	Version     string                      `json:"version"` // of its program
	Time        time.Time                   `json:"time"`    // by its clock
	Seq         uint64                      `json:"seq"`     // of the states of this run of the hub
	Ended       [access.EndedBuckets]uint64 `json:"ended"`   // digests of the ended sessions
	Credentials access.Edition              `json:"credentials"`
}

// keyID names a key without telling it.
func keyID(key []byte) string { return hex.EncodeToString(mac(key, "key id", nil)[:8]) }

func mac(key []byte, subj string, data []byte) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(m, "bramble hub %d\n%s\n", version, subj)
	m.Write(data)
	return m.Sum(nil)
}

// seal makes a NATS message of m.
func seal(key []byte, subj string, m message) (*nats.Msg, error) {
	m.Version = version
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return &nats.Msg{
		Subject: subj, Data: data,
		Header: nats.Header{keyHeader: {keyID(key)}, macHeader: {hex.EncodeToString(mac(key, subj, data))}},
	}, nil
}

// open returns what a NATS message says, if a hub with the same link key has sent it.
func open(key []byte, msg *nats.Msg) (m message, err error) {
	if len(msg.Data) > maxMessage {
		return m, errTooLong
	}
	id, sum := msg.Header.Get(keyHeader), msg.Header.Get(macHeader)
	given, err := hex.DecodeString(sum)
	if err != nil || len(given) != sha256.Size || len(id) != 16 {
		return m, errUnsigned
	}
	if id != keyID(key) {
		return m, errForeignKey
	}
	if !hmac.Equal(given, mac(key, msg.Subject, msg.Data)) {
		return m, errUnsigned
	}
	if err := json.Unmarshal(msg.Data, &m); err != nil {
		return m, err
	}
	if m.Version != version {
		return m, errVersion
	}
	if s := m.State; s != nil && len(s.Name) > maxName || len(m.Instance) > 64 {
		return m, errTooLong
	}
	return m, nil
}

// pages cuts a list into parts that fit into a message each.
func pages(list []access.EndedSession) (all [][]access.EndedSession) {
	size, begin := 0, 0
	for i, e := range list {
		n := 6*len(e.User) + len(e.ID) + 64 // JSON writes six letters for one at most
		if size+n > maxPage {
			all = append(all, list[begin:i])
			size, begin = 0, i
		}
		size += n
	}
	if begin < len(list) {
		all = append(all, list[begin:])
	}
	return all
}
