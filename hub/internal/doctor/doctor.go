// Package doctor looks at all that a hub needs, and says what is wrong with it and what helps.
package doctor

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/bramble-cam/bramble/hub/internal/credkv"
	"github.com/bramble-cam/bramble/internal/natsconn/credential"
	"github.com/bramble-cam/bramble/internal/natsconn/tlstrust"
	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/internal/setting"
	"github.com/bramble-cam/bramble/shared/subject"
)

// Level says how bad a finding is.
type Level string

// The levels.
const (
	OK   Level = "OK"
	Warn Level = "WARN" // the hub runs, but something will not be as one would wish
	Fail Level = "FAIL" // the hub cannot start, or cannot do what is configured
)

// maxText is the maximum length of a text in a finding, in bytes.
const maxText = 2 << 10

// Finding is what was found out about one thing.
type Finding struct {
	Level  Level  `json:"level"`
	Check  string `json:"check"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"` // what helps; "" if all is well
}

// Config are the settings of the hub, as far as they are looked at.
type Config struct {
	Settings error // what is wrong with the settings as a whole; nil if nothing is

	HTTP, NATS, NATSURL string // as in hub.Config
	NATSConfigured      bool   // a NATS configuration file may say where the server listens
	Credential          credential.Credential
	Trust               tlstrust.Settings // in that NATS system's certificate
	Space               subject.Space
	Credentials         string        // the credentials file
	CredentialsKV       credkv.Config // the bucket that it follows; without Bucket there is none
	TLSCert, TLSKey     string
	FFmpeg, HWAccel     string
	MaxTranscodes       int
	MaxMemory           int // of an ffmpeg process, as in hub.Config
	MaxViewers          int // 0 means no limit
	Version             string
	Log                 *slog.Logger
}

// Examine looks at everything, which takes some seconds, and changes nothing.
func Examine(ctx context.Context, cfg Config) []Finding {
	e := &examination{cfg: cfg}
	if cfg.Settings != nil {
		e.fail("settings", setting.Flags(cfg.Settings), "correct what it names")
	} else {
		e.ok("settings", "right; \"bramble-hub check\" prints them")
	}
	e.credentials()
	e.bucket(ctx)
	e.state()
	e.certificate()
	e.http(ctx)
	e.nats(ctx)
	e.ffmpeg(ctx)
	e.clock()
	e.limits()
	return e.findings
}

// Failed reports whether one of the findings is a failure.
func Failed(list []Finding) bool {
	for _, f := range list {
		if f.Level == Fail {
			return true
		}
	}
	return false
}

// Print writes findings for people.
func Print(w io.Writer, list []Finding) error {
	for _, f := range list {
		if _, err := fmt.Fprintf(w, "%-4s  %-11s  %s\n", f.Level, f.Check, f.Found); err != nil {
			return err
		}
		if f.Remedy == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%19s-> %s\n", "", f.Remedy); err != nil {
			return err
		}
	}
	return nil
}

// examination collects findings.
type examination struct {
	cfg      Config
	findings []Finding
}

func (e *examination) ok(check, format string, args ...any) {
	e.add(OK, check, fmt.Sprintf(format, args...), "")
}

func (e *examination) warn(check, found, remedy string) { e.add(Warn, check, found, remedy) }

func (e *examination) fail(check, found, remedy string) { e.add(Fail, check, found, remedy) }

// add records a finding as one line, so that texts from agents and servers cannot invent lines.
func (e *examination) add(level Level, check, found, remedy string) {
	e.findings = append(e.findings, Finding{level, check, printable.Line(found, maxText), printable.Line(remedy,
		maxText)})
}
