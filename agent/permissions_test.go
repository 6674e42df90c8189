package agent

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/shared/subject"
)

// Refused answers are logged once, however many reply subjects a consumer invents, and crowd out no other subject.
func TestDeniedAnswers(t *testing.T) {
	l := &logCapture{}
	d := newPermissions(slog.New(slog.NewTextHandler(l, nil)), subject.Space{})
	for i := range 2 * maxDeniedSubjects {
		d.denied(fmt.Sprintf("_INBOX_UABC.%d", i))
	}
	if n := strings.Count(l.text, "level=ERROR"); n != 1 || !l.said("--inbox-prefix _INBOX.U") {
		t.Errorf("%d lines:\n%s", n, l.text)
	}
	if d.denied("cam.garden.do.info"); !d.isDenied("cam.garden.do.info") || d.isDenied("cam.porch.do.info") ||
		!l.said("agent list") {
		t.Errorf("said\n%s", l.text)
	}
}
