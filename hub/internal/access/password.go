package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/bramble-cam/bramble/hub/internal/problem"
	"github.com/bramble-cam/bramble/internal/secret"
)

// Parameters of argon2id for new passwords, the first choice of OWASP's Password Storage Cheat Sheet. A hash names its own, so that these can be raised.
const (
	memory  = 19 * 1024 // KiB
	passes  = 2
	lanes   = 1
	saltLen = 16
	keyLen  = 32
)

// Bounds of what a file may ask for: more is a slip of the pen, or an attack on the hub's memory.
const (
	maxMemory = 256 * 1024 // KiB
	maxPasses = 16
	maxLanes  = 16
	maxBytes  = 128 // of salt and of key
)

// Lengths of passwords: the least in characters, the most in bytes.
const (
	MinPassword = 10
	maxPassword = 1024
)

const (
	// maxVerifying bounds concurrent password checks: each takes 19 MiB and one processor.
	maxVerifying = 2

	// maxQueued bounds those that wait for their turn.
	maxQueued = 32

	// freeAfter is the time from the last check until its memory is returned to the system.
	freeAfter = 2 * time.Second
)

// ErrBusy says that too many passwords are being checked already.
var ErrBusy error = problem.Kind{
	Text: "too many logins at once: try again in a moment", Title: "Too many logins",
	Status: http.StatusServiceUnavailable, RetryAfter: 1,
}

// ValidatePassword returns nil if a user with these names may choose the password.
// Passwords that were chosen earlier remain valid.
func ValidatePassword(password secret.Text, names ...string) error {
	switch text := password.Reveal(); {
	case !utf8.ValidString(text):
		return errors.New("the password is not in UTF-8")
	case utf8.RuneCountInString(text) < MinPassword:
		return fmt.Errorf("the password is too short: choose at least %d characters, for example several words", MinPassword)
	case len(text) > maxPassword:
		return fmt.Errorf("the password is too long: choose at most %d bytes", maxPassword)
	default:
		return checkWeak(text, names...)
	}
}

// phc is a password hash in the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
type phc struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

func hashPassword(password secret.Text) string {
	h := phc{memory: memory, passes: passes, lanes: lanes, salt: make([]byte, saltLen), key: make([]byte, keyLen)}
	_, _ = rand.Read(h.salt) // never fails
	h.key = h.derive(password)
	return h.String()
}

func (h phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

func parseHash(text string) (h phc, err error) {
	wrong := errors.New("the hash is none of argon2id: set the password anew with \"bramble-hub user passwd\"")
	parts := strings.Split(text, "$")
	if len(text) > 512 || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, wrong
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes); n != 3 || err != nil {
		return h, wrong
	}
	if h.memory < 8*uint32(h.lanes) || h.memory > maxMemory || h.passes < 1 || h.passes > maxPasses || h.lanes < 1 || h.lanes > maxLanes {
		return h, fmt.Errorf("%w (its parameters m=%d, t=%d, p=%d are out of bounds)", wrong, h.memory, h.passes, h.lanes)
	}
	b64 := base64.RawStdEncoding.Strict()
	if h.salt, err = b64.DecodeString(parts[4]); err != nil || len(h.salt) < 8 || len(h.salt) > maxBytes {
		return h, wrong
	}
	if h.key, err = b64.DecodeString(parts[5]); err != nil || len(h.key) < 16 || len(h.key) > maxBytes {
		return h, wrong
	}
	return h, nil
}

func (h phc) derive(password secret.Text) []byte {
	return argon2.IDKey([]byte(password.Reveal()), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.key))) //nolint:gosec // at most maxBytes
}

// verifier checks passwords, few at a time.
type verifier struct {
	slots  chan struct{}
	queued atomic.Int32
	idle   *time.Timer // returns memory when log-ins have stopped
}

func newVerifier() *verifier {
	v := &verifier{slots: make(chan struct{}, min(maxVerifying, runtime.GOMAXPROCS(0)))}
	v.idle = time.AfterFunc(freeAfter, debug.FreeOSMemory)
	v.idle.Stop()
	return v
}

// enter waits for the turn. Call leave after it.
func (v *verifier) enter(ctx context.Context) error {
	if v.queued.Add(1) > maxQueued {
		v.queued.Add(-1)
		return ErrBusy
	}
	defer v.queued.Add(-1)
	select {
	case v.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *verifier) leave() {
	<-v.slots
	v.idle.Reset(freeAfter)
}

// verify takes the same time whether the user exists or not. Call it between enter and leave.
// After a wrong password it pauses for as long as the check took.
// So guessing takes at most half of a processor from viewers.
func (v *verifier) verify(u User, exists bool, password secret.Text) bool {
	began := time.Now()
	right := check(u, exists, password)
	if !right {
		<-time.After(time.Since(began))
	}
	return right
}

func check(u User, exists bool, password secret.Text) bool {
	h, err := parseHash(u.Hash)
	if !exists || err != nil || len(password.Reveal()) > maxPassword {
		h, exists, password = phc{memory: memory, passes: passes, lanes: lanes, salt: make([]byte, saltLen), key: make([]byte, keyLen)}, false, "nobody"
	}
	return subtle.ConstantTimeCompare(h.derive(password), h.key) == 1 && exists
}
