//go:build !linux

package source

// hasHardwareH264 reports false: only Linux runs on a Pi with that encoder.
func hasHardwareH264(string) (bool, error) { return false, nil }
