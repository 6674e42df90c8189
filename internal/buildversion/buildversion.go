// Package buildversion holds the version of a program that was built without one. The linker sets another: -X
// main.version=1.2.3. Makefile and scripts/dist.sh read it here.
package buildversion

// Default is a semantic version, because a NATS micro service must have one.
const Default = "0.0.0-dev"
