package loadgen

import (
	"encoding/binary"
	"fmt"
	"net/url"
	"path"
	"strings"
)

// Opcodes of RFC 6455, section 5.2.
const (
	opText   = 1
	opBinary = 2
	opPing   = 9
	opPong   = 10
)

// opened is what begins the answer to a WebSocket's request.
const opened = " 101 "

// webSocketRequest is what a viewer sends who watches /cam/<id>.ws, which is no address: it opens /ws and watches the
// camera's pictures there.
func webSocketRequest(u *url.URL) string {
	camera := strings.TrimSuffix(path.Base(u.Path), path.Ext(u.Path))
	target := "/ws"
	if u.RawQuery != "" { // a signed link
		target += "?camera=" + camera + "&" + u.RawQuery
	}
	head := "GET " + target + " HTTP/1.1\r\nHost: " + u.Host +
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: bramble.v1\r\n\r\n"
	watch := fmt.Sprintf(`{"op":"watch","slot":1,"camera":%q,"kind":"jpeg"}`, camera)
	return head + string(clientFrame(opText, []byte(watch)))
}

// clientFrame returns a short frame of a client, with a mask of zeros.
func clientFrame(op byte, data []byte) []byte {
	return append([]byte{0x80 | op, 0x80 | byte(len(data)), 0, 0, 0, 0}, data...) //nolint:gosec // small by construction
}

// acknowledgement tells the hub that a number of frames has been dealt with.
func acknowledgement(count int) []byte {
	//nolint:gosec // small by construction
	return clientFrame(opBinary, binary.BigEndian.AppendUint32([]byte{0, 0, 0, 1}, uint32(count)))
}

// message eats the header of a frame of the hub's.
func (p *parser) message(b []byte) (int, error) {
	for i, c := range b {
		p.text = append(p.text, c)
		size, ok := payloadSize(p.text)
		if !ok {
			continue
		}
		op := p.text[0] & 0x0f
		kind, known := map[byte]string{opText: "text", opBinary: "", opPing: "ping", opPong: "pong"}[op]
		if !known || p.text[0]&0x80 == 0 {
			return i, fmt.Errorf("%w: a frame with opcode %d", errResponse, op)
		}
		p.begin(kind, size)
		p.text = p.text[:0]
		return i + 1, nil
	}
	return len(b), nil
}

// payloadSize returns the size of a frame's payload, if head is the whole header.
func payloadSize(head []byte) (size int, ok bool) {
	if len(head) < 2 {
		return 0, false
	}
	switch short := head[1]; {
	case short < 126:
		return int(short), true
	case short == 126 && len(head) == 4:
		return int(binary.BigEndian.Uint16(head[2:])), true
	case short == 127 && len(head) == 10:
		return int(binary.BigEndian.Uint64(head[2:])), true //nolint:gosec // small by construction
	}
	return 0, false
}
