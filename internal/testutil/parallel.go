package testutil

import "flag"

// ParallelWaits lets up to 16 parallel tests of a package run at once, also on a machine with few cores. TestMain calls
// it if the package's tests mostly wait. The flag -parallel of go test takes precedence.
func ParallelWaits() {
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
}
