package natsserver

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// raw is a connection that speaks the NATS protocol like an attacker.
// It sends as little as possible and has no limits of a client library.
type raw struct {
	net.Conn
	in *bufio.Reader
}

// dialRaw connects and sends nothing.
func dialRaw(t *testing.T, addr string) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the test is over
	if err := conn.SetDeadline(time.Now().Add(testutil.Timeout)); err != nil {
		t.Fatal(err)
	}
	return &raw{conn, bufio.NewReader(conn)}
}

// loginRaw connects with a credential, and returns when the server has answered.
func loginRaw(t *testing.T, addr string, c credential.Credential) *raw {
	t.Helper()
	r := dialRaw(t, addr)
	text, err := r.in.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var info struct{ Nonce string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(text, "INFO ")), &info); err != nil {
		t.Fatal(err)
	}
	connect, err := json.Marshal(map[string]any{
		"verbose": false, "pedantic": false, "nkey": c.Public(),
		"sig": base64.RawURLEncoding.EncodeToString(signed(t, c, info.Nonce)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Write([]byte("CONNECT " + string(connect) + "\r\nPING\r\n")); err != nil {
		t.Fatal(err)
	}
	if answer := r.until("PONG"); !strings.HasSuffix(answer, "PONG\r\n") {
		t.Fatalf("the server says %q", answer)
	}
	return r
}

// until reads until a line begins with word, or the connection ends.
func (r *raw) until(word string) (said string) {
	for {
		line, err := r.in.ReadString('\n')
		said += line
		if err != nil || strings.HasPrefix(line, word) {
			return said
		}
	}
}

// ended reports whether the server has closed the connection. It expects no more data.
func (r *raw) ended(t *testing.T) bool {
	t.Helper()
	if err := r.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	_, err := io.Copy(io.Discard, r.in)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}
