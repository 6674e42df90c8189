package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/audit"
)

const (
	// auditName is the name of the audit log in the directory for state.
	auditName = "audit.jsonl"

	// noAuditLog is the setting for no audit file.
	noAuditLog = "none"
)

// defaultAudit returns a service's default audit log, or "" if it has no state directory.
func defaultAudit() string {
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); dir != "" {
		return filepath.Join(dir, auditName)
	}
	return ""
}

// auditFile returns the hub's audit log, or "".
func (s *settings) auditFile() string {
	if s.AuditLog == noAuditLog {
		return ""
	}
	return s.AuditLog
}

// existingAuditLog returns the audit log of a hub with these settings, as far as a command can tell: the service's
// environment differs from the command's.
func (s *settings) existingAuditLog() string {
	if s.AuditLog != "" {
		return s.auditFile()
	}
	if _, err := os.Lstat(s.auditLogBesideCredentials()); err != nil {
		return ""
	}
	return s.auditLogBesideCredentials()
}

// auditLogBesideCredentials returns the audit log beside the credentials, which setup turns on.
func (s *settings) auditLogBesideCredentials() string {
	return filepath.Join(filepath.Dir(s.Credentials), auditName)
}

// auditLogger returns a command's logger. It also writes audit lines to the hub's file, with the operator who ran the
// command.
func (s *settings) auditLogger(log *slog.Logger) *slog.Logger {
	file := s.existingAuditLog()
	if file == "" {
		return log
	}
	return audit.Append(file, log, slog.String("operator", operator()))
}

// operator returns the user who runs a command: with sudo, the user who called sudo.
func operator() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name + " (sudo)"
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprint("user ", os.Getuid())
}

// auditCommand is bramble-hub audit.
type auditCommand struct {
	Since  string `help:"Start: an age such as 24h, or a time such as 2026-01-31T08:00:00Z." placeholder:"TIME" env:"-"`
	Until  string `help:"End, in the same formats." placeholder:"TIME" env:"-"`
	User   string `help:"Only events by or about this user." placeholder:"NAME" env:"-"`
	Camera string `help:"Only events about this camera." placeholder:"CAMERA" env:"-"`
	Event  string `help:"Only this kind of event: login, refused, view, user, user.add, ..." placeholder:"EVENT" env:"-"`
	JSON   bool   `name:"json" help:"Print the lines of the file: JSON, one object per line." env:"-"`
}

// Help implements kong.HelpProvider.
func (*auditCommand) Help() string {
	return `Examples:

  bramble-hub audit --since 24h                                 everything since yesterday
  bramble-hub audit --event view --camera porch                 who watched the porch, and when
  bramble-hub audit --user anna --since 720h --json             events of 30 days about anna, for a program
  bramble-hub audit --event refused --since 1h                  refused logins`
}

// Run prints the events.
func (c *auditCommand) Run(cmd *cmdContext) error {
	file := cmd.settings.existingAuditLog()
	if file == "" {
		return fmt.Errorf("no audit log is known: give --audit-log FILE, or set audit-log for the hub, so that it writes one")
	}
	now := time.Now()
	since, err := parseTime("--since", c.Since, now)
	if err != nil {
		return err
	}
	until, err := parseTime("--until", c.Until, now)
	if err != nil {
		return err
	}
	show, end := cmd.auditTable()
	if c.JSON {
		show, end = func(e audit.Event) error { return cmd.print(e.Line) }, func() error { return nil }
	}
	filter := audit.Filter{Since: since, Until: until, User: c.User, Camera: c.Camera, Event: c.Event}
	bad, err := audit.Read(file, filter, show)
	if err != nil {
		return err
	}
	if bad > 0 {
		cmd.log.Warn("damaged lines of the audit log were skipped; a full disk can cause them", "lines", bad, "file", file)
	}
	return end()
}

// parseTime parses a time, or a duration before now. "" is the zero time.
func parseTime(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%s %q: "+
		"give how long ago, such as 24h, or a time such as 2026-01-31T08:00:00Z or 2026-01-31", flag, text)
}

// auditTable prints events in columns.
func (cmd *cmdContext) auditTable() (show func(audit.Event) error, end func() error) {
	w := tabwriter.NewWriter(cmd.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "TIME\tEVENT\tUSER\tCAMERA\tADDRESS\tDETAILS") // an error comes back from Flush
	told := []string{"time", "level", "message", "event", "user", "camera", "address"}
	return func(e audit.Event) error {
		var details []string
		for _, key := range slices.Sorted(maps.Keys(e.Rest)) {
			if value := fmt.Sprint(e.Rest[key]); !slices.Contains(told, key) && value != "" {
				details = append(details, key+"="+column(value))
			}
		}
		row := []string{e.Time.Local().Format(time.DateTime), e.Event, e.User, e.Camera, e.Address}
		for i := range row {
			row[i] = column(cmp.Or(row[i], "-"))
		}
		_, err := fmt.Fprintln(w, strings.Join(append(row, strings.Join(details, " ")), "\t"))
		return err
	}, w.Flush
}

// column makes a text safe for a table column.
func column(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\v' || r == '\f' {
			return ' '
		}
		return r
	}, text)
}
