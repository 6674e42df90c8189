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

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/endedsessions"
)

const (
	version = 1

	// keyHeader names the key by which a message is authenticated, and macHeader carries the MAC.
	keyHeader = "Bramble-Key"
	macHeader = "Bramble-Mac"

	// maxMessage bounds a received message, maxPage the ended sessions in a sent one, in bytes.
	maxMessage = 64 << 10
	maxPage    = 32 << 10

	maxName = 253 // of a host name
)

// Why a message is refused.
var (
	errTooLong    = errors.New("it is too long")
	errUnsigned   = errors.New("it is not authenticated")
	errForeignKey = errors.New("it is authenticated with another link key")
	errVersion    = errors.New("it has another version")
)

// message is what a hub sends to the other hubs.
type message struct {
	Version  int    `json:"v"`
	Instance string `json:"instance"` // of this run of the hub

	Ended []endedsessions.Entry `json:"ended,omitempty"`
	State *state                `json:"state,omitempty"`
	Ask   bool                  `json:"ask,omitempty"`
}

// state summarizes what a hub has.
type state struct {
	Name        string                        `json:"name"`    // of its host
	Version     string                        `json:"version"` // of its program
	Time        time.Time                     `json:"time"`    // of its clock
	Seq         uint64                        `json:"seq"`     // number of the state in this run of the hub
	Ended       [endedsessions.Buckets]uint64 `json:"ended"`   // digests of the ended sessions
	Credentials credstore.Edition             `json:"credentials"`
}

// keyID names a key without revealing it.
func keyID(key []byte) string { return hex.EncodeToString(mac(key, "key id", nil)[:8]) }

func mac(key []byte, subj string, data []byte) []byte {
	m := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(m, "bramble hub %d\n%s\n", version, subj)
	m.Write(data)
	return m.Sum(nil)
}

// seal encodes and authenticates m as a NATS message.
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

// open decodes a NATS message from a hub with the same link key.
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

// pages splits a list into parts that each fit into a message.
func pages(list []endedsessions.Entry) (all [][]endedsessions.Entry) {
	size, begin := 0, 0
	for i, e := range list {
		n := 6*len(e.User) + len(e.ID) + 64 // JSON writes at most six characters for one byte
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
