package ingest

import (
	"bufio"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/testutil"
	"github.com/bramble-cam/bramble/shared/drop"
	"github.com/bramble-cam/bramble/shared/frame"
)

// rubbish is a message made out of a good one.
type rubbish struct {
	name  string
	spoil func(*nats.Msg)
	probe bool // not rubbish after all: ignored without being counted
}

func header(name, value string) func(*nats.Msg) {
	return func(m *nats.Msg) { m.Header.Set(name, value) }
}

func allRubbish() []rubbish {
	random := rand.New(rand.NewPCG(1, 2))
	list := []rubbish{
		{"probe", func(m *nats.Msg) { m.Data = nil }, true},
		{"probe with a part of the headers", func(m *nats.Msg) { m.Data = nil; m.Header.Del(frame.HeaderSeq) }, true},
		{"no headers", func(m *nats.Msg) { m.Header = nil }, false},
		{"epoch that means never", header(frame.HeaderEpoch, "18446744073709551615"), false},
		{"time with a sign", header(frame.HeaderTime, "-1"), false},
		{"PTS beyond all times", header(frame.HeaderPTS, "9223372036854775807"), false},
		{"number that is none", header(frame.HeaderSeq, "0x10"), false},
		{"very long number", header(frame.HeaderSeq, strings.Repeat("9", 3000)), false},
		{"empty number", header(frame.HeaderSeq, ""), false},
		{"key that is neither", header(frame.HeaderKey, "yes"), false},
		{"name in small letters", func(m *nats.Msg) {
			m.Header[strings.ToLower(frame.HeaderPTS)] = m.Header[frame.HeaderPTS]
			delete(m.Header, frame.HeaderPTS)
		}, false},
		{"one byte", func(m *nats.Msg) { m.Data = []byte{0xff} }, false},
		{"text", func(m *nats.Msg) { m.Data = []byte("hello, is this the camera?") }, false},
		{"zeros", func(m *nats.Msg) { m.Data = make([]byte, 1000) }, false},
		{"start codes only", func(m *nats.Msg) { m.Data = []byte(long + short + long) }, false},
		{"start of a picture", func(m *nats.Msg) { m.Data = []byte{0xff, 0xd8} }, false},
		{"half of it", func(m *nats.Msg) { m.Data = m.Data[:len(m.Data)/2] }, false},
		{"nothing but its end", func(m *nats.Msg) { m.Data = m.Data[len(m.Data)-2:] }, false},
		{"something in front", func(m *nats.Msg) { m.Data = append([]byte("x"), m.Data...) }, false},
	}
	for _, name := range []string{frame.HeaderSeq, frame.HeaderPTS, frame.HeaderTime, frame.HeaderEpoch} {
		list = append(list, rubbish{"without " + name, func(m *nats.Msg) { m.Header.Del(name) }, false})
	}
	for i := range 20 {
		list = append(list, rubbish{fmt.Sprintf("random bytes %d", i), func(m *nats.Msg) {
			m.Data = make([]byte, 1+random.IntN(5000))
			for i := range m.Data {
				m.Data[i] = byte(random.Uint32())
			}
		}, false})
	}
	return list
}

// Whatever comes on a camera's subject is counted and logged once; the camera itself and its neighbor do not suffer.
func TestInvalidMessagesDisturbNoOtherCamera(t *testing.T) {
	for _, format := range []frame.Format{frame.JPEG, frame.H264} {
		t.Run(string(format), func(t *testing.T) {
			url, log := testutil.StartNATS(t), &logCounter{}
			in, agent, stranger := dial(t, url, slog.New(log)), testutil.Connect(t, url), testutil.Connect(t, url)
			listen(t, in)
			porch, yard := newCam(t, "porch", format), newCam(t, "yard", format)
			intoPorch, intoYard := porch.feed(in), yard.feed(in)
			bad, sent := uint64(0), uint64(0)
			for _, r := range allRubbish() {
				if r.name == "half of it" && format == frame.H264 {
					continue // the first half of an access unit may be one
				}
				msg := porch.msg(porch.frame(true))
				porch.seq-- // the stranger's message does not use up a number
				msg.Header.Set(frame.HeaderEpoch, "7000")
				r.spoil(msg)
				publish(t, stranger, msg)
				flush(t, stranger)
				if !r.probe {
					bad++
				}
				porch.send(agent, porch.frame(sent == 0))
				yard.send(agent, yard.frame(sent == 0))
				flush(t, agent)
				sent++
				testutil.Eventually(t, r.name+": the next good frame comes in",
					func() bool { return intoPorch.FramesIn.Load() == sent && intoYard.FramesIn.Load() == sent })
				if got := intoPorch.Drops.Map(); intoPorch.Drops.Get(drop.Decode) != bad || len(got) > 1 {
					t.Fatalf("%s: dropped %v: want %d for reason decode", r.name, got, bad)
				}
			}
			if d := intoYard.Drops.Map(); len(d) != 0 {
				t.Errorf("the neighbor lost %v", d)
			}
			if lines := log.about(""); len(lines) != 1 || !strings.Contains(lines[0], "cam.porch."+string(format)) {
				t.Errorf("%d lines for %d broken messages: want one that names the subject: %q", len(lines), bad, lines)
			}
		})
	}
}

// A header that no NATS client would send: nats.go passes such a message on without headers, and tells of it a second
// time.
func TestBrokenNATSHeader(t *testing.T) {
	url, log := testutil.StartNATS(t), &logCounter{}
	in, agent := dial(t, url, slog.New(log)), testutil.Connect(t, url)
	c := newCam(t, "porch", frame.JPEG)
	into := c.feed(in)
	raw := rawConn(t, url)
	const block = "NATS/1.0\r\nthis is no header\r\n\r\n"
	const sent = maxWaiting / 2 // none may be lost
	for range sent {
		raw("HPUB cam.porch.jpeg %d %d\r\n%s%s\r\n", len(block), len(block)+1, block, "x")
	}
	testutil.Eventually(t, "broken messages counted", func() bool { return into.Drops.Get(drop.Decode) == sent })
	c.send(agent, c.frame(false))
	c.wantIn(into, 1)
	if lines := log.about(""); len(lines) != 1 {
		t.Errorf("%d lines: want one: %q", len(lines), lines)
	}
}

// rawConn connects without a client. The function that it returns writes to the server and waits for its answer.
func rawConn(t *testing.T, url string) func(format string, args ...any) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the test is over
	answers := bufio.NewReader(conn)
	write := func(format string, args ...any) {
		if _, err := fmt.Fprintf(conn, format+"PING\r\n", args...); err != nil {
			t.Fatal(err)
		}
		for line := ""; line != "PONG\r\n"; {
			if line, err = answers.ReadString('\n'); err != nil || strings.HasPrefix(line, "-ERR") {
				t.Fatalf("%q, %v", line, err)
			}
		}
	}
	write("CONNECT {\"headers\":true,\"verbose\":false}\r\n")
	return write
}

// A hub that is too slow for a camera loses frames of it, and keeps neither many nor old ones.
func TestSlowHub(t *testing.T) {
	url := testutil.StartNATS(t)
	log := &logCounter{}
	in, agent := dial(t, url, slog.New(log)), testutil.Connect(t, url)
	c := newCam(t, "porch", frame.H264)
	into := c.feed(in)
	c.send(agent, c.frame(true))
	c.wantIn(into, 1)
	log.mu.Lock() // what the receiver must wait for now, as if its machine were too slow
	publish(t, agent, &nats.Msg{Subject: "cam.porch.h264", Data: []byte("x")})
	testutil.Eventually(t, "the receiver hangs", func() bool { return into.Drops.Get(drop.Decode) == 1 })
	const sent = 1000
	for range sent {
		c.send(agent, c.frame(false))
	}
	flush(t, agent)
	flush(t, in.nc) // all have been delivered to the hub
	log.mu.Unlock()
	const kept = maxWaiting - 1 // the one at which the receiver hangs counts too
	c.wantIn(into, 1+kept)
	c.send(agent, c.frame(true))
	c.wantIn(into, 1+kept+1)
	if got := into.Drops.Get(drop.Gap); got != sent-kept {
		t.Errorf("%d lost: want all but the first %d of %d", got, kept, sent)
	}
	testutil.Eventually(t, "it is reported beside the broken message", func() bool {
		return in.dropLog.limit.Suppressed("cam.porch.h264") == 1
	})
}
