//go:build !linux

package sysinfo

// ReadLimits returns what is known here: nothing.
func ReadLimits() Limits { return Limits{} }

// DiskFree returns how many bytes may be written below a directory. Here that is not known.
func DiskFree(string) (bytes uint64, known bool) { return 0, false }
