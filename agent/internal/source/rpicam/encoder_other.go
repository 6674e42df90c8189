//go:build !linux

package rpicam

import ()

// hasHardwareH264 reports false: only Linux runs on a Pi with that encoder.
func hasHardwareH264(string) (bool, error) { return false, nil }
