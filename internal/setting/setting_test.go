package setting_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/bramble-cam/bramble/internal/setting"
)

func TestFlags(t *testing.T) {
	inner := setting.Errorf("{max-fps} %d: at most {max} 100%%", 7)
	for _, test := range []struct {
		err         error
		text, flags string
	}{
		{errors.New("other {http}"), "other {http}", "other {http}"},
		{inner, "max-fps 7: at most max 100%", "--max-fps 7: at most --max 100%"},
		{setting.Errorf("%s %s: or {insecure}", setting.Name("http"), "x"), "http x: or insecure", "--http x: or --insecure"},
		{setting.Errorf("{http} %s", "{nats}"), "http {nats}", "--http {nats}"},
		{fmt.Errorf("hub: %w too", inner), "hub: max-fps 7: at most max 100% too",
			"hub: --max-fps 7: at most --max 100% too"},
		{setting.Errorf("{a}: %w", inner), "a: max-fps 7: at most max 100%", "--a: --max-fps 7: at most --max 100%"},
		{errors.Join(inner, inner), inner.Error() + "\n" + inner.Error(), setting.Flags(inner) + "\n" + setting.Flags(inner)},
		{errors.Join(setting.Errorf("{a}"), setting.Errorf("{a}")), "a\na", "--a\n--a"},
		{fmt.Errorf("%w, %w", fs.ErrExist, inner), "file already exists, " + inner.Error(), "file already exists, " +
			setting.Flags(inner)},
	} {
		if got := test.err.Error(); got != test.text {
			t.Errorf("text %q, want %q", got, test.text)
		}
		if got := setting.Flags(test.err); got != test.flags {
			t.Errorf("with flags %q, want %q", got, test.flags)
		}
	}
	if got := inner.Settings(); !slices.Equal(got, []string{"max-fps", "max"}) {
		t.Errorf("settings %q", got)
	}
	if !errors.Is(setting.Errorf("{a}: %w", fs.ErrExist), fs.ErrExist) {
		t.Error("the cause is lost")
	}
	if got := setting.FlagsIn("give {http}"); got != "give --http" {
		t.Errorf("text with flags %q", got)
	}
}
