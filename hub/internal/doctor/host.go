package doctor

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bramble-cam/bramble/hub/internal/credstore"
	"github.com/bramble-cam/bramble/hub/internal/sysinfo"
	"github.com/bramble-cam/bramble/hub/internal/transcode"
	"github.com/bramble-cam/bramble/internal/hostclock"
)

const (
	scarceDisk    = 64 << 20 // bytes free where the state is, below which it is scarce
	noDisk        = 1 << 20
	scarceMemory  = 192 << 20
	expiryWarning = 14 * 24 * time.Hour // how long before a certificate's end it is time to renew it
	maxClockError = 100_000             // microseconds by which a clock that is kept right should not be wrong
)

// credentials looks at the credentials file.
func (e *examination) credentials() {
	b, err := credstore.Load(e.cfg.Credentials)
	switch {
	case errors.Is(err, fs.ErrPermission):
		e.fail("credentials", err.Error(), "run this as the hub's user or as root; a hub that may "+
			"not read it does not start")
	case err != nil:
		e.fail("credentials", err.Error(), "do what it says; until then logins and connections fail")
	case b.Empty():
		e.ok("credentials", "none in %s: authentication is off, and only this host may connect", e.cfg.Credentials)
	default:
		e.ok("credentials", "%d users, %d agents and %d consumers in %s", len(b.Users()), len(b.Agents()),
			len(b.Consumers()), e.cfg.Credentials)
	}
}

// state looks at the directory that holds the credentials file, or will.
func (e *examination) state() {
	dir := filepath.Dir(e.cfg.Credentials)
	for there := dir; ; there = filepath.Dir(there) {
		if _, err := os.Stat(there); err == nil || there == filepath.Dir(there) {
			dir = there
			break
		}
	}
	free, known := sysinfo.DiskFree(dir)
	switch {
	case unix.Access(dir, unix.W_OK) != nil:
		e.warn("state", dir+" cannot be written by this user: users, agents and links cannot be added",
			"run such commands as the hub's user or as root; or name another place with {credentials}")
	case known && free < noDisk:
		e.fail("state", fmt.Sprintf("no room in %s", dir), "free some: users, agents and links cannot be added")
	case known && free < scarceDisk:
		e.warn("state", fmt.Sprintf("only %d MB free in %s", free>>20, dir),
			"free some: without any, users, agents and links cannot be added, and logs are lost")
	case known:
		e.ok("state", "%s can be written, %d MB free", dir, free>>20)
	default:
		e.ok("state", "%s can be written", dir)
	}
}

// certificate looks at the certificate of the page.
func (e *examination) certificate() {
	if e.cfg.TLSCert == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(e.cfg.TLSCert, e.cfg.TLSKey)
	if err != nil {
		e.fail("certificate", err.Error(), "{tls-cert} and {tls-key} must be PEM files that belong together, and "+
			"that this user may read")
		return
	}
	leaf, now := pair.Leaf, time.Now()
	names := strings.Join(leaf.DNSNames, ", ")
	switch ends := leaf.NotAfter.Format(time.DateOnly); {
	case now.After(leaf.NotAfter):
		e.fail("certificate", "it has expired on "+ends, "renew it: browsers refuse it")
	case now.Before(leaf.NotBefore):
		e.fail("certificate", "it is not good before "+leaf.NotBefore.Format(time.DateTime),
			"wait, or see whether this host's clock is right")
	case now.Add(expiryWarning).After(leaf.NotAfter):
		e.warn("certificate", "it expires on "+ends, "renew it")
	default:
		e.ok("certificate", "for %s, good until %s", names, ends)
	}
}

// ffmpeg has it make a picture.
func (e *examination) ffmpeg(ctx context.Context) {
	began := time.Now()
	version, err := transcode.Probe(ctx, transcode.Config{FFmpeg: e.cfg.FFmpeg, HWAccel: e.cfg.HWAccel,
		Memory: e.cfg.MaxMemory, Log: e.cfg.Log})
	switch {
	case errors.Is(err, transcode.ErrNoFFmpeg):
		e.warn("ffmpeg", "not found: cameras can be watched in their own format only",
			"apt-get install ffmpeg, or say where it is with {ffmpeg}; then restart the hub")
	case err != nil && e.cfg.HWAccel != "" && e.cfg.HWAccel != "none":
		e.fail("ffmpeg", fmt.Sprintf("%s, with {hwaccel} %s: %v", version, e.cfg.HWAccel, err),
			"see that this user may open the device (groups video and render), and that ffmpeg was built with "+
				"it; {hwaccel} none does without")
	case err != nil:
		e.fail("ffmpeg", strings.TrimSpace(version+" ")+": "+err.Error(),
			"it must be 5.1 or newer, and have libx264: take the one of the distribution")
	case older(version, 5, 1):
		e.fail("ffmpeg", version+" is too old", "5.1 or newer is needed")
	default:
		e.ok("ffmpeg", "%s made a picture each way in %v", version, time.Since(began).Round(10*time.Millisecond))
	}
}

// older reports whether a version, as far as it begins with numbers, is before another one.
func older(version string, major, minor int) bool {
	var a, b int
	n, _ := fmt.Sscanf(strings.TrimPrefix(version, "n"), "%d.%d", &a, &b)
	return n == 2 && (a < major || a == major && b < minor)
}

// clock looks at this host's clock.
func (e *examination) clock() {
	switch micros := hostclock.Error(); {
	case micros < 0:
		e.warn("clock", "nothing keeps it right: times and ages of pictures cannot be trusted",
			"timedatectl set-ntp true, or another program that follows a time server")
	case micros > maxClockError:
		e.warn("clock", fmt.Sprintf("it may be wrong by %.1f s", float64(micros)/1e6),
			"see that the time server is reached: timedatectl timesync-status")
	default:
		e.ok("clock", "kept right, within %.1f ms", float64(micros)/1e3)
	}
}

// limits looks at what the machine gives.
func (e *examination) limits() {
	l, viewers := sysinfo.ReadLimits(), uint64(max(0, e.cfg.MaxViewers))
	if l.Files > 0 {
		transcodes := e.cfg.MaxTranscodes
		if transcodes <= 0 {
			transcodes = transcode.DefaultMax(runtime.GOMAXPROCS(0), l.Memory)
		}
		need := viewers + 4*uint64(transcodes) + 200 //nolint:gosec // not negative
		if l.Files < need {
			e.warn("open files", fmt.Sprintf("%d are allowed, and {max-viewers} %d needs %d", l.Files, viewers,
				need), fmt.Sprintf("LimitNOFILE=%d in the unit, ulimit -n %[1]d in a shell, or a smaller "+
				"{max-viewers}", 2*need))
		} else {
			e.ok("open files", "%d are allowed, %d needed with all viewers", l.Files, need)
		}
	}
	if l.Memory == 0 {
		return
	}
	if l.Memory < scarceMemory {
		e.warn("memory", fmt.Sprintf("%d MB", l.Memory>>20), "the hub needs up to 16 MB for each camera that is "+
			"watched, and each ffmpeg 50 MB and more: watch that, and lower {max-transcodes}")
	} else {
		e.ok("memory", "%d MB; %d viewers need some %d of them, each camera that is watched up to 16, each "+
			"ffmpeg 50 and more", l.Memory>>20, viewers, 40+viewers*7/1024)
	}
}
