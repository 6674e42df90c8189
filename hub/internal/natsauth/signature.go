package natsauth

import (
	"encoding/base64"
	"errors"

	"github.com/nats-io/nkeys"
)

// Why a key is refused.
var (
	ErrUnknownKey = errors.New("no agent and no consumer has this credential; it was removed, or belongs to another hub")
	ErrSignature  = errors.New("the credential's signature is wrong")
)

// VerifySignature returns nil if the holder of a known key has signed the nonce, or if there is no key.
// The error is ErrUnknownKey or ErrSignature.
func VerifySignature(key, sig string, nonce []byte, known func(string) bool) error {
	if key == "" {
		return nil
	}
	if !known(key) {
		return ErrUnknownKey
	}
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	if err != nil {
		if raw, err = base64.StdEncoding.DecodeString(sig); err != nil { // as nats-server itself allows
			return ErrSignature
		}
	}
	public, err := nkeys.FromPublicKey(key)
	if err != nil || len(nonce) == 0 || public.Verify(nonce, raw) != nil {
		return ErrSignature
	}
	return nil
}
