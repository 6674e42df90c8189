// Package crossarch holds tests that run the Raspberry Pi's programs on this machine, by qemu's emulation of their
// processors.
package crossarch
