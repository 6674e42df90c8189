package subprocess_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/subprocess"
)

// TestLimits: a child has the limits that it is given when what is written to it comes, and cannot go beyond them.
func TestLimits(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	for _, c := range []struct {
		name, line string
		limits     *subprocess.Limits
		want       string // on its standard output
	}{
		{"all", "ulimit -c; ulimit -n; ulimit -f; ulimit -d", &subprocess.Limits{Memory: 64 << 20, Files: 20, NoWrites: true},
			"0 20 0 65536"},
		{"some", "ulimit -c; ulimit -n", &subprocess.Limits{Files: 10}, "0 10"},
		{"they cannot be raised", "ulimit -n 30 2>/dev/null; ulimit -n", &subprocess.Limits{Files: 10}, "10"},
		{"no file is written", "/bin/echo x >" + file + "; echo $?", &subprocess.Limits{NoWrites: true}, "153"},
		{"others first", "nice", &subprocess.Limits{Nice: 19}, "19"},
		{"too much memory", "head -c 40000000 /dev/zero | tail -c 40000000 | wc -c", &subprocess.Limits{Memory: 8 << 20},
			"0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cfg := shell("read go; " + c.line) // limits are there before we can write
			cfg.Limits, cfg.Stdin = c.limits, true
			var got []string
			out, err := subprocess.Run(t.Context(), cfg, func(ctx context.Context, p subprocess.Pipes) error {
				if _, err := p.Stdin.WriteString("go\n"); err != nil {
					return err
				}
				return readAll(&got)(ctx, p)
			})
			if err != nil || out.ReadErr != nil {
				t.Fatal(err, out.ReadErr)
			}
			if text := strings.Join(strings.Fields(strings.Join(got, "")), " "); text != c.want {
				t.Errorf("got %q, want %q; it said %q", text, c.want, out.LastStderr)
			}
		})
	}
	if info, err := os.Stat(file); err == nil && info.Size() > 0 {
		t.Error("the file has been written")
	}
}
