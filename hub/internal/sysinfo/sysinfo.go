// Package sysinfo tells what the machine gives the hub: memory, open files and room on the disk.
package sysinfo

// Limits are what the machine allows this process; 0 where that is not known.
type Limits struct {
	Memory uint64 // bytes: the least of the machine's and of the control groups that the process is in
	Files  uint64 // how many files and connections may be open at a time
}
