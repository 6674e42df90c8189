package main

import "runtime/debug"

const (
	// memoryLimit is a fence, far above what an agent needs: a board with 512 MB runs other things too.
	memoryLimit = 32 << 20

	// gcPercent lets less garbage lie about than Go's default. Frames leave hardly any, so that costs next to nothing.
	gcPercent = 25
)

// boundMemory sets the bounds that GOMEMLIMIT and GOGC in the environment do not set.
func boundMemory(lookupEnv func(string) (string, bool)) {
	if _, set := lookupEnv("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(memoryLimit)
	}
	if _, set := lookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
}
