package golden

import (
	"bufio"
	"bytes"
	"fmt"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/testutil"
)

// request is one request. In target, header and body ${NAME} stands for a variable of the relay.
type request struct {
	method string // "" means GET
	target string
	header []string // lines
	body   string
	stream func(r *bufio.Reader) string // what is shown of a response without end; nil: it ends
}

// exchange is a request with its response.
type exchange struct {
	request
	status string
	header http.Header
	body   []byte
	shown  string // of a stream
}

// do sends the request over a connection of its own and reads the response, or its beginning.
func (r *relay) do(q request) exchange {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // what was wanted has been read
	return r.over(conn, q)
}

// over is do over an open connection.
func (r *relay) over(conn net.Conn, q request) exchange {
	r.t.Helper()
	if err := conn.SetDeadline(time.Now().Add(testutil.Timeout)); err != nil {
		r.t.Fatal(err)
	}
	if q.method == "" {
		q.method = http.MethodGet
	}
	lines := []string{q.method + " " + q.target + " HTTP/1.1"}
	if !slices.ContainsFunc(q.header, func(line string) bool { return strings.HasPrefix(line, "Host:") }) {
		lines = append(lines, "Host: "+r.addr)
	}
	lines = append(lines, q.header...)
	if q.body != "" || q.method == http.MethodPost {
		lines = append(lines, fmt.Sprint("Content-Length: ", len(r.expand(q.body))))
	}
	if _, err := conn.Write([]byte(r.expand(strings.Join(lines, "\r\n") + "\r\n\r\n" + q.body))); err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: q.method})
	if err != nil {
		r.t.Fatalf("%s %s: %v", q.method, q.target, err)
	}
	ex := exchange{request: q, status: resp.Status, header: resp.Header}
	if q.stream != nil && resp.StatusCode == http.StatusOK && q.method == http.MethodGet {
		ex.shown = q.stream(bufio.NewReader(resp.Body))
		return ex
	}
	if ex.body, err = io.ReadAll(resp.Body); err != nil {
		r.t.Fatalf("%s %s: %v", q.method, q.target, err)
	}
	return ex
}

// expand puts the values of the variables into a text.
func (r *relay) expand(text string) string {
	for name, value := range r.variables {
		text = strings.ReplaceAll(text, "${"+name+"}", value)
	}
	return text
}

// show writes an exchange for a golden file.
func (r *relay) show(ex exchange) string {
	var b strings.Builder
	fmt.Fprintf(&b, "> %s %s\n", ex.method, ex.target)
	for _, line := range ex.request.header {
		fmt.Fprintf(&b, "> %s\n", line)
	}
	if ex.request.body != "" {
		fmt.Fprintf(&b, "> %.100s\n", ex.request.body)
	}
	fmt.Fprintf(&b, "< %s\n", ex.status)
	for _, line := range r.unusual(headerLines(ex)) {
		fmt.Fprintf(&b, "< %s\n", line)
	}
	if text := ex.shown + r.content(ex); text != "" {
		fmt.Fprintf(&b, "%s\n", strings.TrimSuffix(text, "\n"))
	}
	return r.stable(b.String()) + "\n"
}

// headerLines returns the header that is compared, sorted.
func headerLines(ex exchange) (lines []string) {
	for name, values := range ex.header {
		for _, value := range values {
			switch {
			case name == "Date":
				continue
			case name == "X-Age":
				value = "(age)"
			case name == "Etag" || name == "Last-Modified":
				value = "(volatile)"
			case name == "Content-Length" && value != fmt.Sprint(deskSize):
				continue
			case name == "Set-Cookie":
				value = regexp.MustCompile(`=[^;]+`).ReplaceAllStringFunc(value, cookieValue)
			}
			lines = append(lines, name+": "+value)
		}
	}
	slices.Sort(lines)
	return lines
}

// unusual returns the lines that differ from the header of every answer: "-" marks those that are missing.
func (r *relay) unusual(lines []string) (different []string) {
	for _, line := range lines {
		if !slices.Contains(r.usual, line) {
			different = append(different, line)
		}
	}
	for _, line := range r.usual {
		if !slices.Contains(lines, line) {
			different = append(different, "-"+line)
		}
	}
	return different
}

// deskSize is the length of testdata/desk.jpg in bytes.
const deskSize = 3689

// cookieValue replaces a secret or a date.
func cookieValue(text string) string {
	if len(text) > 20 {
		return "=(value)"
	}
	return text
}

// content returns what is compared of a body.
func (r *relay) content(ex exchange) string {
	kind, _, _ := strings.Cut(ex.header.Get("Content-Type"), ";")
	switch {
	case len(ex.body) == 0:
		return ""
	case kind == "image/jpeg":
		if bytes.Equal(ex.body, read(r.t, "desk.jpg")) {
			return "(desk.jpg)"
		}
		c, err := jpeg.DecodeConfig(bytes.NewReader(ex.body))
		if err != nil {
			r.t.Errorf("%s: %v", ex.target, err)
		}
		return fmt.Sprintf("(JPEG of %d x %d)", c.Width, c.Height)
	case kind == "text/html":
		notice := regexp.MustCompile(`(?s)<p[^>]*role="alert"[^>]*>(.*?)</p>`).FindSubmatch(ex.body)
		if notice != nil {
			return "(page) " + strings.TrimSpace(string(notice[1]))
		}
		return "(page)"
	case kind == "text/css", kind == "text/javascript", kind == "image/svg+xml", kind == "application/yaml",
		strings.HasPrefix(string(ex.body), "# HELP"):
		return "(not compared)"
	}
	return string(ex.body)
}

// stable replaces what differs from run to run.
func (r *relay) stable(text string) string {
	host, err := os.Hostname()
	if err != nil {
		r.t.Fatal(err)
	}
	text = strings.NewReplacer(r.addr, "(address)", strings.TrimPrefix(r.nats, "nats://"), "(NATS address)",
		"localhost, "+host+" and", "localhost, (host name) and").Replace(text)
	text = regexp.MustCompile(`"(last_seen|seen|now)":"[^"]*"`).ReplaceAllString(text, `"$1":"(time)"`)
	text = regexp.MustCompile(`"(since)":"20[^"]*"`).ReplaceAllStringFunc(text, func(s string) string {
		if strings.Contains(s, moment().Format(time.RFC3339Nano)) {
			return s
		}
		return `"since":"(time)"`
	})
	text = strings.ReplaceAll(text, `"age_ms":null`, `"age_ms":0`) // before the first viewer
	text = regexp.MustCompile(`"consumers":\[[^]]*\]`).ReplaceAllString(text, `"consumers":[(number)]`)
	return regexp.MustCompile(`"(age_ms|frames_in|frames_out|viewers|clients|now)":[0-9.]+`).ReplaceAllString(text,
		`"$1":(number)`)
}
