package headerlimit

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// stub is a connection on which r comes in.
type stub struct {
	net.Conn
	r io.Reader
}

func (s stub) Read(p []byte) (int, error) { return s.r.Read(p) }

func passed(t *testing.T, r io.Reader) string {
	t.Helper()
	out, err := io.ReadAll(Limit(stub{r: r}))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestLines: only the line of a message with a large header changes, however the bytes come.
func TestLines(t *testing.T) {
	large := "NATS/1.0\r\n" + strings.Repeat("a: b\r\n", 1000) + "\r\n" // 6012 bytes
	for _, c := range []struct{ name, in, out string }{
		{"small header", "HMSG a 1 12 15\r\nNATS/1.0\r\n\r\nxyz\r\n", ""},
		{"large header", "HMSG a 1 6012 6015\r\n" + large + "xyz\r\nPING\r\n", "MSG a 1 6015\r\n" + large +
			"xyz\r\nPING\r\n"},
		{"large header with reply", "HMSG a 1 _INBOX.x 6012 6012\r\n" + large + "\r\n", "MSG a 1 _INBOX.x 6012\r\n" +
			large + "\r\n"},
		{"payload that looks like a message", "MSG a 1 17\r\nHMSG a 1 9999 9999\r\nPONG\r\n+OK\r\n-ERR 'x'\r\n", ""},
		{"header larger than all", "HMSG a 1 6012 10\r\n0123456789\r\nHMSG a 1 6012 6012\r\n", ""},
		{"no number", "HMSG a 1 6012 \r\nHMSG a 1 6012 6015\r\n", ""},
		{"enormous number", "HMSG a 1 6012 99999999999999999999\r\nHMSG a 1 6012 6015\r\n", ""},
		{"not NATS", "\x16\x03\x03\nHMSG a 1 6012 6015\r\n", ""},
		{"a long INFO", "INFO {" + strings.Repeat("x", 3*lineRoom) + "}\r\nHMSG a 1 6012 6015\r\n" + large + "xyz\r\n",
			"INFO {" + strings.Repeat("x", 3*lineRoom) + "}\r\nMSG a 1 6015\r\n" + large + "xyz\r\n"},
		{"a long message line", "HMSG " + strings.Repeat("x", 3*lineRoom) + " 1 6012 6015\r\n" + large, ""},
		{"end within a line", "PING\r\nHMSG a 1 60", ""},
		{"end within a message", "HMSG a 1 6012 6015\r\nNATS", "MSG a 1 6015\r\nNATS"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.out == "" {
				c.out = c.in
			}
			for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in)),
				iotest.HalfReader(strings.NewReader(c.in)), iotest.DataErrReader(strings.NewReader(c.in))} {
				if got := passed(t, r); got != c.out {
					t.Errorf("%T: %.200q, want %.200q", r, got, c.out)
				}
			}
			small := Limit(stub{r: strings.NewReader(c.in)})
			if got, err := io.ReadAll(iotest.OneByteReader(small)); err != nil || string(got) != c.out {
				t.Errorf("read byte by byte: %.200q, %v, want %.200q", got, err, c.out)
			}
		})
	}
}

// TestLargeMessages: a message that is larger than allowed arrives empty, and what comes after it as it is, however
// the bytes come.
func TestLargeMessages(t *testing.T) {
	large := strings.Repeat("x", 3*lineRoom)
	in := "MSG a 1 5\r\nabcde\r\nMSG a 1 _INBOX.x 49152\r\n" + large + "\r\nHMSG a 1 12 15\r\nNATS/1.0\r\n\r\nxyz\r\n" +
		"HMSG a 1 _INBOX.y 12 49152\r\n" + large + "\r\nHMSG a 1 6012 6015\r\n" + strings.Repeat("y", 6015) + "\r\nPING\r\n"
	const want = "MSG a 1 5\r\nabcde\r\nMSG a 1 _INBOX.x 0\r\n\r\nHMSG a 1 12 15\r\nNATS/1.0\r\n\r\nxyz\r\n" +
		"MSG a 1 _INBOX.y 0\r\n\r\nMSG a 1 0\r\n\r\nPING\r\n"
	for _, r := range []io.Reader{
		strings.NewReader(in), iotest.OneByteReader(strings.NewReader(in)), iotest.HalfReader(strings.NewReader(in)),
	} {
		c := newLimitedConn(stub{r: r})
		c.maxSize = 1000
		if got, err := io.ReadAll(c); err != nil || string(got) != want {
			t.Errorf("%T: %.300q, %v", r, got, err)
		}
	}
	c := newLimitedConn(stub{r: strings.NewReader("MSG a 1 49152\r\nxxx")})
	c.maxSize = 1000
	if got, err := io.ReadAll(c); err != nil || string(got) != "MSG a 1 0\r\n" {
		t.Errorf("end within a message: %q, %v", got, err)
	}
}

// TestError: an error of the connection comes after what came before it.
func TestError(t *testing.T) {
	broken := errors.New("broken")
	got, err := io.ReadAll(Limit(
		stub{r: io.MultiReader(strings.NewReader("PING\r\nMSG a 1 5\r\nab"), iotest.ErrReader(broken))}))
	if string(got) != "PING\r\nMSG a 1 5\r\nab" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestReal: what real clients send through a real server arrives whole, and only large headers as payload.
func TestReal(t *testing.T) {
	cert := testutil.NewCert(t, nil, nil)
	for name, test := range map[string]struct {
		tls     *tls.Config
		connect func(*server.Server) []nats.Option
	}{
		"tcp": {nil, func(s *server.Server) []nats.Option {
			return Options(s.ClientURL(), net.Dialer{},
				tlstrust.Settings{})
		}},
		"in process": {nil,
			func(s *server.Server) []nats.Option { return []nats.Option{nats.InProcessServer(InProcess{s})} }},
		"TLS": {&tls.Config{Certificates: []tls.Certificate{cert.Certificate}}, func(s *server.Server) []nats.Option {
			return Options(s.ClientURL(), net.Dialer{}, tlstrust.Settings{CA: cert.CertFile})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := testutil.StartServer(t, server.Options{TLSConfig: test.tls})
			nc, err := nats.Connect(s.ClientURL(), test.connect(s)...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(nc.Close)
			sub, err := nc.SubscribeSync("x.>")
			if err != nil {
				t.Fatal(err)
			}
			if err := sub.SetPendingLimits(-1, -1); err != nil {
				t.Fatal(err)
			}
			if err := nc.FlushTimeout(testutil.Timeout); err != nil {
				t.Fatal(err)
			}
			from, err := nats.Connect("nats://"+s.Addr().String(), nats.InProcessServer(s))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(from.Close)
			for _, header := range []int{-1, 10, 4000, 4100, 70_000} {
				for _, size := range []int{0, 100, 32<<10 - 40, 3 << 20} {
					exchange(t, from, sub, header, size)
				}
			}
			exchange(t, from, sub, 7<<20, 1<<20-100) // nearly all that a message may have
		})
	}
}

// exchange sends a message with a header of about so many bytes, or none, and a payload, and compares what arrives.
func exchange(t *testing.T, from *nats.Conn, sub *nats.Subscription, header, size int) {
	t.Helper()
	msg := nats.NewMsg("x.y")
	if msg.Data = bytes.Repeat([]byte("HMSG x.y 1 9999 9999\r\n"), size/22+1)[:size]; header >= 0 {
		msg.Header.Set("K", strings.Repeat("v", header))
	}
	if err := from.PublishMsg(msg); err != nil {
		t.Fatal(err)
	}
	got, err := sub.NextMsg(testutil.Timeout)
	if err != nil {
		t.Fatal(err)
	}
	if header > Max {
		if len(got.Header) != 0 || !bytes.HasSuffix(got.Data, msg.Data) || len(got.Data)-size < header ||
			!bytes.HasPrefix(got.Data, []byte("NATS/1.0\r\nK: vvv")) {
			t.Errorf("header of %d, payload of %d: arrived with %d headers and %d bytes", header, size, len(got.Header),
				len(got.Data))
		}
		return
	}
	if !bytes.Equal(got.Data, msg.Data) || got.Header.Get("K") != msg.Header.Get("K") {
		t.Errorf("header of %d, payload of %d: arrived with %d bytes of header and %d of payload", header, size,
			len(got.Header.Get("K")), len(got.Data))
	}
}

// FuzzLimit reads any bytes as what a server sends: how they come does not matter, nothing is lost or added but what
// a changed line is shorter by, and what is passed on has no large header left.
func FuzzLimit(f *testing.F) {
	for _, text := range []string{
		"INFO {}\r\nPING\r\nMSG a 1 3\r\nabc\r\nHMSG a 1 12 15\r\nNATS/1.0\r\n\r\nxyz\r\n", "HMSG a 1 5000 5001\r\n",
		"HMSG a 1 r 4097 4097\r\nHMSG b 1 4096 4096\r\n", "\x16\x03\x01\n", "+OK\r\n-ERR 'x'\r\nPONG\r\n",
		"HMSG  5000  5000\r\n", "HMSG a 5000 5000\nHMSG a 5000 5000\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		whole := passed(t, bytes.NewReader(in))
		if parts := passed(t, iotest.OneByteReader(bytes.NewReader(in))); parts != whole {
			t.Fatalf("%q, byte by byte %q", whole, parts)
		}
		if len(whole) > len(in) || !bytes.Contains(in, []byte("HMSG ")) && whole != string(in) {
			t.Fatalf("%q became %q", in, whole)
		}
		if again := passed(t, strings.NewReader(whole)); again != whole {
			t.Fatalf("%q became %q and that %q", in, whole, again)
		}
	})
}

// BenchmarkRead measures what looking at the lines costs: frames of 80 kB and their headers.
func BenchmarkRead(b *testing.B) {
	msg := []byte("HMSG cam.porch.jpeg 1 12 80012\r\nNATS/1.0\r\n\r\n" + strings.Repeat("x", 80_000) + "\r\n")
	for name, wrap := range map[string]func(net.Conn) net.Conn{"plain": func(c net.Conn) net.Conn { return c },
		"limited": Limit} {
		b.Run(name, func(b *testing.B) {
			buf := make([]byte, 32<<10)
			r := bytes.NewReader(nil)
			conn := wrap(stub{r: r})
			b.SetBytes(int64(len(msg)))
			b.ReportAllocs()
			for b.Loop() {
				r.Reset(msg)
				for r.Len() > 0 {
					if _, err := conn.Read(buf); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
