//go:build !linux

package sysinfo

// Read returns what is known here: nothing.
func Read() Limits { return Limits{} }

// Free returns how many bytes may be written below a directory. Here that is not known.
func Free(string) (bytes uint64, known bool) { return 0, false }
