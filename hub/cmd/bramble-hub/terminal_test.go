package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/bramble-cam/bramble/hub/internal/doctor"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/testutil"
)

// evil is a text that an agent reports about itself. It clears the screen, sets the clipboard, rings the bell, reverses
// the writing direction, and invents a line.
const evil = "pi\x1b[2J\x1b]52;c;ZXZpbA==\x07\u202egnp\r\nOK    agents       all well\x00\x7f\u009b31m"

// TestDoctorWithHostileAgent: a text from an agent reaches the terminal only as one line of printable characters.
func TestDoctorWithHostileAgent(t *testing.T) {
	url := testutil.StartServer(t, server.Options{}).ClientURL()
	agent := testutil.Connect(t, url)
	texts, err := json.Marshal(evil)
	if err != nil {
		t.Fatal(err)
	}
	doc := strings.ReplaceAll(`{"camera":"porch","instance":"i","host":EVIL,"agent":EVIL,"state":"degraded",`+
		`"reason":EVIL,"warning":EVIL,"source":EVIL,"format":"jpeg","drops":{EVIL:1},"clock":{"source":EVIL,"error_us":-1},`+
		`"controls":[{"name":EVIL,"type":EVIL,"menu":[EVIL]}]}`, "EVIL", string(texts))
	info, err := json.Marshal(micro.Info{ServiceIdentity: micro.ServiceIdentity{
		Name: evil, ID: evil, Version: evil, Metadata: map[string]string{"camera": "porch", "root": "cam", "host": evil},
	}, Description: evil})
	if err != nil {
		t.Fatal(err)
	}
	for subj, answer := range map[string]string{"cam.porch.do.info": doc, "$SRV.INFO.camera": string(info)} {
		if _, err := agent.Subscribe(subj, func(m *nats.Msg) { _ = m.Respond([]byte(answer)) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := agent.FlushTimeout(testutil.Timeout); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"doctor"}, {"doctor", "--json"}} {
		var stdout, stderr bytes.Buffer
		run(append(args, "--nats-url", url, "--http=127.0.0.1:0", "--ffmpeg=none-such",
			"--credentials="+filepath.Join(t.TempDir(), "credentials.json")), nil, &stdout, &stderr)
		text := stdout.String()
		if !strings.Contains(text, "pi\ufffd[2J") {
			t.Errorf("%v: the agent is not among what was found: %s", args, text)
		}
		for line := range strings.SplitSeq(text+stderr.String(), "\n") {
			if !printable.Is(line) {
				t.Errorf("%v: printed %q", args, line)
			}
			if strings.HasPrefix(line, "OK    agents") {
				t.Errorf("%v: an agent has invented the line %q", args, line)
			}
		}
		var list []doctor.Finding
		if err := json.Unmarshal([]byte(text), &list); len(args) == 2 && err != nil {
			t.Error(err)
		}
	}
}

// TestTablesArePrintable: the same holds for texts of the credentials file.
func TestTablesArePrintable(t *testing.T) {
	var out bytes.Buffer
	cmd := cmdContext{stdout: printable.NewWriter(&out)}
	if err := cmd.table("NAME CAMERAS", [][]string{{evil, "porch"}, {"x", strings.Repeat("y", 5000)}}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 3 || !printable.Is(strings.Join(lines, "")) || len(lines[2]) > 2*maxCell {
		t.Errorf("%q", lines)
	}
}
