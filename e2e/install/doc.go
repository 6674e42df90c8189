// Package install holds the test that installs the Debian packages as docs/guide/install.md says: every command of that
// page is run, in a clean Debian 12 with systemd, in containers for the hub and for a Pi, up to the picture in a
// browser; then they are upgraded, removed and purged.
//
// What that cannot prove: a camera, of which it uses the test card; the processors and the kernel of a Raspberry Pi;
// and the limits of the units for which a container has no control groups.
package install
