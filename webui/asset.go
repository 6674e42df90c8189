package webui

import (
	"bytes"
	"io/fs"
	"path"
	"strings"
)

// Asset returns a file of the folder assets as browsers get it: of modules without their doc comments, which are a third of them and are for readers and for tsc.
// Lines keep their numbers. The error is that of [fs.ReadFile].
func Asset(name string) ([]byte, error) {
	data, err := fs.ReadFile(FS, path.Join("assets", name))
	if err != nil || path.Ext(name) != ".js" {
		return data, err
	}
	return withoutDocs(data), nil
}

// withoutDocs empties the lines of comments that begin with /** and have their lines for themselves.
func withoutDocs(module []byte) []byte {
	var out bytes.Buffer
	within := false
	for line := range strings.Lines(string(module)) {
		code := strings.TrimSpace(line)
		ends := strings.HasSuffix(code, "*/")
		switch {
		case within:
			within = !ends
		case strings.HasPrefix(code, "/**") && (ends || !strings.Contains(code, "*/")):
			within = !ends
		default:
			out.WriteString(line)
			continue
		}
		out.WriteByte('\n')
	}
	return out.Bytes()
}
