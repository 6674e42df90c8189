// Command rpicam-vid stands in for Raspberry Pi's program of that name where there is no Pi: it takes the same options
// and writes real H.264 and MJPEG in the same manner, and it fails in the same ways when it is told to.
//
// Build it as rpicam-vid, libcamera-vid or rpicam-hello and put it on PATH. Its camera is made of these variables:
//
//	BRAMBLE_FAKE_RPICAM           faults, joined by commas: see faults.go
//	BRAMBLE_FAKE_RPICAM_VERSION   the version of rpicam-apps it plays, 1.9.0 unless set
//	BRAMBLE_FAKE_RPICAM_PLATFORM  vc4 (Pi 0 to 4), pisp (Pi 5; the default), legacy or unknown
//	BRAMBLE_FAKE_RPICAM_CAMERAS   models of its cameras, imx708,ov5647 unless set; empty for none
//	BRAMBLE_FAKE_RPICAM_CLIP      an H.264 file to play in a loop instead of the built-in one; --width has no effect
//	BRAMBLE_FAKE_RPICAM_LOCKS     a folder for lock files, so that a second process finds the camera busy
//	BRAMBLE_FAKE_RPICAM_RECORD    a file that records each frame: its length (4 bytes, big endian), then the frame
//	BRAMBLE_FAKE_RPICAM_TOKENS    a FIFO of which one byte is read before each frame
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

func main() {
	os.Exit(program(filepath.Base(os.Args[0]), os.Args[1:], os.Stdout, os.Stderr))
}

// program does what rpicam-apps' main does: every fault becomes one line and exit status 255.
func program(name string, args []string, stdout, stderr io.Writer) int {
	w, err := newWorld(os.LookupEnv)
	if err == nil {
		err = w.run(name, args, stdout, stderr)
	}
	var said refusal
	switch {
	case err == nil:
		return 0
	case errors.Is(err, abort{}):
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // the original's SIGABRT would make the Go runtime print its stacks
		select {}
	case errors.As(err, &said):
		_, _ = fmt.Fprintln(stderr, said)
	default:
		_, _ = fmt.Fprintf(stderr, "ERROR: *** %v ***\n", err)
	}
	return 255
}

// abort ends the program as an uncaught exception does.
type abort struct{}

func (abort) Error() string { return "aborted" }

// failure is a fault in the words of the original.
type failure string

func (f failure) Error() string { return string(f) }

// refusal is said as it is.
type refusal string

func (r refusal) Error() string { return string(r) }

func (w *world) run(name string, args []string, stdout, stderr io.Writer) error {
	switch w.platform {
	case "legacy":
		return refusal("ERROR: the system appears to be configured for the legacy camera stack")
	case "unknown":
		return refusal("ERROR: rpicam-apps currently only supports the Raspberry Pi platforms.\n" +
			"Contributions for other platforms are welcome at https://github.com/raspberrypi/rpicam-apps.")
	}
	opts, err := parseOptions(args, w.version)
	if err != nil {
		return err
	}
	switch {
	case opts.has("help"):
		_, err := io.WriteString(stdout, usage(w.version))
		return err
	case opts.has("version"):
		_, err := io.WriteString(stdout, w.version.text())
		return err
	case opts.has("list-cameras"):
		_, err := io.WriteString(stdout, listCameras(w.cameras))
		return err
	case !strings.HasSuffix(name, "-vid"):
		return fmt.Errorf("the fake %s knows no more than --help, --version and --list-cameras", name)
	}
	return w.record(opts, stdout, stderr)
}
