package golden

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/bramble-cam/bramble/e2e/internal/proc"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// TestAgent compares what bramble-agent publishes and answers.
func TestAgent(t *testing.T) {
	nc := testutil.Connect(t, testutil.StartNATS(t))
	statuses, err := nc.SubscribeSync("cam.desk.status")
	if err != nil {
		t.Fatal(err)
	}
	p, err := proc.Start(nil, filepath.Join(programs, "bramble-agent"), "--hub", nc.ConnectedUrl(), "--host", "pi",
		"--camera", "desk=file:testdata/desk.jpg#fps=5", "--camera", "yard=file:testdata/yard.h264#fps=5")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	var got strings.Builder
	if _, err := statuses.NextMsg(testutil.Timeout); err != nil {
		t.Fatalf("no status: %v\n%s", err, p.Output())
	}
	for _, subj := range []string{"$SRV.PING.camera", "$SRV.INFO.camera"} {
		fmt.Fprintf(&got, "%s\n%s\n", subj, strings.Join(answers(t, nc, subj, 2), "\n"))
	}
	for _, subj := range []string{"cam.desk.jpeg", "cam.yard.h264", "cam.desk.still"} {
		fmt.Fprintf(&got, "%s\n%s\n", subj, firstFrame(t, nc, subj))
	}
	for _, q := range [][2]string{
		{"cam.desk.do.info", ""}, {"cam.desk.do.wake", ""}, {"cam.desk.do.keyframe", ""}, {"cam.yard.do.keyframe", ""},
		{"cam.desk.do.configure", "{}"},
		{"cam.desk.do.configure", `{"fps":3}`}, {"cam.desk.do.snapshot", ""}, {"cam.yard.do.snapshot", ""},
	} {
		msg, err := nc.Request(q[0], []byte(q[1]), testutil.Timeout)
		if err != nil {
			t.Fatalf("%s: %v", q[0], err)
		}
		fmt.Fprintf(&got, "%s %s\n%s\n", q[0], q[1], message(t, msg))
	}
	p.Stop()
	for last := false; !last; {
		msg, err := statuses.NextMsg(testutil.Timeout)
		if err != nil {
			t.Fatal(err)
		}
		if last = strings.Contains(string(msg.Data), `"state":"stopped"`); last {
			fmt.Fprintf(&got, "%s, the last one\n%s\n", msg.Subject, message(t, msg))
		}
	}
	compare(t, "agent.txt", got.String())
}

// answers returns n answers to a request, sorted.
func answers(t *testing.T, nc *nats.Conn, subj string, n int) (texts []string) {
	t.Helper()
	inbox, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.PublishRequest(subj, inbox.Subject, nil); err != nil {
		t.Fatal(err)
	}
	for range n {
		msg, err := inbox.NextMsg(testutil.Timeout)
		if err != nil {
			t.Fatalf("%s: %v", subj, err)
		}
		texts = append(texts, message(t, msg))
	}
	slices.Sort(texts)
	return texts
}

// firstFrame subscribes and returns the first frame.
func firstFrame(t *testing.T, nc *nats.Conn, subj string) string {
	t.Helper()
	sub, err := nc.SubscribeSync(subj)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection ends with the test
	for {
		msg, err := sub.NextMsg(testutil.Timeout)
		if err != nil {
			t.Fatalf("%s: %v", subj, err)
		}
		if len(msg.Data) > 0 { // else the agent asks who listens
			return message(t, msg)
		}
	}
}

// message shows a message without what differs from run to run.
func message(t *testing.T, msg *nats.Msg) string {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(msg.Header)) {
		value := strings.Join(msg.Header[name], " | ")
		if regexp.MustCompile(`^[0-9]+$`).MatchString(value) && name != "Cam-Key" && name != "Nats-Service-Error-Code" {
			value = "(number)"
		}
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	for _, name := range []string{"desk.jpg", "yard.h264"} {
		if data, err := os.ReadFile(filepath.Join("testdata", name)); err == nil && string(data) == string(msg.Data) {
			return b.String() + "(" + name + ")\n"
		}
	}
	if len(msg.Data) == 0 {
		return b.String()
	}
	if !json.Valid(msg.Data) {
		t.Errorf("%s: %d bytes are neither a known picture nor JSON", msg.Subject, len(msg.Data))
	}
	text := regexp.MustCompile(`"(id|instance)":"[^"]*"`).ReplaceAllString(string(msg.Data), `"$1":"(name)"`)
	text = regexp.MustCompile(`"(started|since)":"[^"]*"`).ReplaceAllString(text, `"$1":"(time)"`)
	text = regexp.MustCompile(`"(epoch|fps|bitrate|frames|sent|error_us)":-?[0-9.]+`).ReplaceAllString(text,
		`"$1":(number)`)
	return b.String() + regexp.MustCompile(`,"temperature":[0-9.]+`).ReplaceAllString(text, "") + "\n"
}
