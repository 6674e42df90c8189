package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// session is one recording.
type session struct {
	w       *world
	out     *output
	cam     camera
	stderr  io.Writer
	libav   bool // libx264 encodes, not the hardware
	period  time.Duration
	frames  int           // how many; 0: no limit
	timeout time.Duration // 0: no limit
	asked   chan os.Signal
	tokens  chan struct{} // nil: go on by time alone
}

// record does what rpicam-vid is there for.
func (w *world) record(opts options, stdout, stderr io.Writer) error {
	s := &session{w: w, stderr: stderr, asked: make(chan os.Signal, 1), frames: int(opts.number("frames", 0))}
	signal.Notify(s.asked, syscall.SIGINT) // the only one that the original handles
	var err error
	if s.out, err = newOutput(opts, w, stdout); err != nil {
		return err
	}
	logf(stderr, " INFO", "Camera camera_manager.cpp:326 libcamera v0.5.2+99-bfd68f78")
	if err := w.acquire(int(opts.number("camera", 0))); err != nil {
		return err
	}
	if err := s.configure(opts); err != nil {
		return err
	}
	if w.faults.has("memory") {
		logf(stderr, "ERROR",
			"V4L2 v4l2_videodevice.cpp:1294 /dev/video14[13:cap]: Unable to request 4 buffers: Cannot allocate memory")
		return errors.New("failed to allocate capture buffers for stream")
	}
	if w.tokens != "" {
		f, err := os.Open(w.tokens)
		if err != nil {
			return err
		}
		s.tokens = make(chan struct{})
		go s.readTokens(f) // ends with the program
	}
	if w.faults.has("slowstart") {
		s.pause(time.Duration(w.faults["slowstart"][0]) * time.Millisecond)
	}
	return errors.Join(s.loop(), s.out.close())
}

// configure chooses the encoder and checks what each of them checks.
func (s *session) configure(opts options) error {
	if r := opts.text("rotation", "0"); r != "0" && r != "180" {
		return errors.New("transforms requiring transpose not supported")
	}
	if d := opts.text("denoise", "auto"); !strings.Contains(" auto off cdn_off cdn_fast cdn_hq ", " "+d+" ") {
		return failure(fmt.Sprintf("Invalid denoise mode %s", d))
	}
	rate := opts.number("framerate", 30)
	s.period = time.Duration(float64(time.Second) / max(rate, 0.1))
	ms, err := strconv.Atoi(opts.text("timeout", "5000"))
	if err != nil {
		return failure("Invalid time string provided")
	}
	s.timeout = time.Duration(ms) * time.Millisecond
	switch codec := opts.text("codec", "h264"); codec {
	case "mjpeg":
		s.cam = &canvas{width: int(opts.number("width", 640)) &^ 1, height: int(opts.number("height", 480)) &^ 1,
			quality: int(opts.number("quality", 50))}
		return nil
	case "h264":
		return s.configureH264(opts)
	default:
		return failure(fmt.Sprintf("Unrecognised codec %s", codec))
	}
}

func (s *session) configureH264(opts options) error {
	s.libav = s.w.platform == "pisp"
	if s.libav {
		if err := s.checkLibav(opts); err != nil {
			return err
		}
	} else if level := opts.text("level", "4.0"); !strings.Contains(" 4.0 4.1 4.2 ", " "+level+" ") {
		return fmt.Errorf("no such level %s", level)
	}
	c, err := openClip(s.w.clip, s.libav && opts.has("low-latency"))
	if err != nil {
		return err
	}
	c.inline, c.intra = opts.has("inline"), int(opts.number("intra", 0))
	s.cam = c
	return nil
}

// checkLibav checks as encoder/libav_encoder.cpp does: an output whose name ends in 264 is an elementary stream since
// 1.8.0, and only such a one has times.
func (s *session) checkLibav(opts options) error {
	name, format := opts.text("output", ""), opts.text("libav-format", "")
	elementary := s.w.version.atLeast(1, 8, 0) && (format == "" || format == "h264") && strings.HasSuffix(name, "264")
	switch {
	case opts.has("save-pts") && !s.w.version.atLeast(1, 8, 0):
		_, _ = fmt.Fprintln(s.stderr,
			"\nERROR: Pi 5 and libav encoder does not currently support the circular, segment, save_pts or "+
				"split command line options, they will be ignored!")
		s.out.times = nil
	case opts.has("save-pts") && !elementary:
		_, _ = fmt.Fprintln(s.stderr,
			"\nERROR: The libav encoder does not currently support the circular, segment, save_pts, split, or pause "+
				"command line "+
				"options with non-elementary streams!")
		return failure("libav: Incompatible options selected.")
	case format == "" && !strings.HasSuffix(name, "264"):
		return errors.New("libav: cannot allocate output context, try setting with --libav-format")
	}
	_, _ = fmt.Fprintf(s.stderr, "Output #0, h264, to '%s':\n  Stream #0:0: Video: h264 (High), yuv420p, 30 fps\n", name)
	return nil
}

// loop plays until it is stopped. A SIGINT is noticed with the next frame.
func (s *session) loop() error {
	start := time.Now()
	for n := 0; s.frames == 0 || n < s.frames; n++ {
		if err := s.misbehave(n); err != nil {
			return err
		}
		at := time.Duration(n) * s.period
		if !s.w.faults.has("fast") {
			s.pause(time.Until(start.Add(at)))
		}
		if s.timeout > 0 && at > s.timeout {
			return nil
		}
		if s.askedToStop() {
			_, _ = fmt.Fprintln(s.stderr, "Received signal 2")
			return nil
		}
		if err := s.frame(n, at); err != nil {
			return err
		}
	}
	return nil
}

// readTokens hands on one token for each byte.
func (s *session) readTokens(f io.Reader) {
	defer close(s.tokens)
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(f, b); err != nil {
			return // no writer is left that could send one
		}
		s.tokens <- struct{}{}
	}
}

// askedToStop waits for the token, if there are any, and reports whether SIGINT has come.
func (s *session) askedToStop() bool {
	for {
		select {
		case <-s.asked:
			if !s.w.faults.has("deaf") {
				return true
			}
			continue
		default:
		}
		if s.tokens == nil {
			return false
		}
		select {
		case sig := <-s.asked:
			s.asked <- sig
		case _, ok := <-s.tokens:
			return !ok
		}
	}
}

// pause waits, but not beyond a SIGINT that is to be noticed.
func (s *session) pause(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case sig := <-s.asked:
			if !s.w.faults.has("deaf") {
				s.asked <- sig
				return
			}
		}
	}
}

// frame writes picture n.
func (s *session) frame(n int, at time.Duration) error {
	p, err := s.cam.next()
	if err != nil {
		return err
	}
	if n == 0 {
		if err := s.out.open(s.libav); err != nil {
			return err
		}
		if s.w.faults.has("header") {
			if err := errors.Join(s.out.ready(p.data[:p.sets]), s.out.time(n, at)); err != nil {
				return err
			}
			p.data = p.data[p.sets:]
		}
	}
	if s.w.faults.at("crash", n) {
		_ = s.out.ready(p.data[:len(p.data)/2])
		return abort{}
	}
	return errors.Join(s.out.ready(p.data), s.out.time(n, at))
}

// misbehave does what is due before frame n. What the original does for ever, so does this.
func (s *session) misbehave(n int) error {
	f := s.w.faults
	switch {
	case f.at("exit", n):
		return errors.New("failed to queue request")
	case f.at("hang", n):
		select {}
	case f.at("timeout", n):
		for {
			logf(s.stderr, " WARN",
				"V4L2 v4l2_videodevice.cpp:2137 /dev/video0[15:cap]: Dequeue timer of 1000000.00us has expired!")
			logf(s.stderr, "ERROR", "RPI pipeline_base.cpp:1369 Camera frontend has timed out!")
			logf(s.stderr, "ERROR",
				"RPI pipeline_base.cpp:1370 Please check that your camera sensor connector is attached securely.")
			_, _ = fmt.Fprintln(s.stderr, "ERROR: Device timeout detected, attempting a restart!!!")
			time.Sleep(time.Second)
		}
	}
	return nil
}

// logf logs as libcamera does.
func logf(w io.Writer, level, text string) {
	now := time.Now()
	_, _ = fmt.Fprintf(w, "[%d:%02d:%02d.%09d] [%d] %s %s\n", now.Hour(), now.Minute(), now.Second(), now.Nanosecond(),
		os.Getpid(), level, text)
}
