package subprocess

import (
	"io"
	"os"
)

// drain reads a pipe to its end or to its deadline, so that its writer does not block.
func drain(f *os.File) { _, _ = io.Copy(io.Discard, f) }

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close() // pipes: nothing can be lost
	}
}
