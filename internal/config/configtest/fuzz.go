package configtest

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/bramble-cam/bramble/internal/config"
)

const (
	fuzzFile   = 16 << 10  // bytes of the largest file that is tried
	fuzzMemory = 128 << 20 // bytes that reading it may take, garbage included
)

// Fuzz gives the program any bytes for its configuration file: they are understood in one way, or refused with an error
// that names the key, and cost bounded memory.
func (p Program) Fuzz(f *testing.F) {
	for _, text := range []string{
		"", "linger: 10s\n", "linger: 10\n", "nonsense: 1\n", "log-level: [debug]\n",
		"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "- 1\n", "log-level: debug\nlog-level: info\n", "linger: {a: 1}\n",
		"insecure: true\nmax-viewers: 1e3\n", "camera: [porch=pattern:, 'yard=exec:x#format=h264']\n", "? [a]\n: b\n",
		"log-format: !!binary aGk=\n", "\xff\xfe", "---\nlinger: 1s\n---\nlinger: 2s\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > fuzzFile {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		first, err := p.read(t, data)
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > fuzzMemory {
			t.Fatalf("%d bytes of memory for a file of %d", n, len(data))
		}
		again, errAgain := p.read(t, data)
		if (err == nil) != (errAgain == nil) || err == nil && first != again {
			t.Fatalf("read once as %q, %v, and once as %q, %v", first, err, again, errAgain)
		}
		if err != nil && (err.Error() == "" || len(err.Error()) > 10*fuzzFile) {
			t.Fatalf("the error has %d bytes", len(err.Error()))
		}
	})
}

// read returns the settings that a file makes, or the error that a user would see.
func (p Program) read(t *testing.T, data []byte) (string, error) {
	t.Helper()
	resolver, err := config.File(bytes.NewReader(data))
	if err != nil {
		return "", err
	}
	parser, err := kong.New(p.New(), append(config.Options(p.Name, "", ""), kong.Resolvers(resolver))...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(nil); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range p.flags(t, parser) {
		fmt.Fprintf(&b, "%s=%v ", f.Name, f.Target.Interface())
	}
	return b.String(), nil
}
