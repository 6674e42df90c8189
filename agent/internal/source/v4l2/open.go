package v4l2

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
)

// open opens the camera and applies the settings. A change that needs a restart calls end.
func (s *camera) open(end func(error)) (captureDevice, error) {
	path := s.path
	if s.link != "" {
		path = s.link
	}
	pixel, err := s.choose(path)
	if err != nil {
		return nil, s.withHint(err)
	}
	s.configuring.Lock()
	defer s.configuring.Unlock()
	ask := s.config(path, pixel)
	cam, err := s.host.open(ask)
	if err != nil {
		return nil, s.withHint(err)
	}
	if s.link == "" {
		s.link = stableLink(s.host.links, s.path)
	}
	s.logDifference(ask, cam.Negotiated())
	s.opened(cam.Negotiated().Pixel)
	s.apply(cam)
	s.cam, s.restart = cam, end
	return cam, nil
}

// close waits for a change of the camera's settings.
func (s *camera) close(cam captureDevice) error {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	s.cam, s.restart = nil, nil
	return cam.Close()
}

// choose returns the pixel format to ask for. Without one in the options it asks the camera: it may be another one now.
func (s *camera) choose(path string) (device.PixelFormat, error) {
	if s.pixel != 0 {
		return s.pixel, nil
	}
	about, err := s.host.describe(path)
	if err != nil {
		return 0, err
	}
	if len(about.Controls) > 0 {
		s.setControls(about.Controls)
	}
	return bestPixel(path, about)
}

// bestPixel prefers what needs no encoding.
func bestPixel(path string, about device.Description) (device.PixelFormat, error) {
	var names []string
	for _, pixel := range []device.PixelFormat{device.MJPEG, device.JPEG, device.YUYV, device.NV12} {
		if slices.ContainsFunc(about.Formats, func(f device.Format) bool { return f.Pixel == pixel }) {
			return pixel, nil
		}
	}
	h264 := ""
	for _, f := range about.Formats {
		names = append(names, f.Pixel.String())
		if f.Pixel == device.H264 {
			h264 = "; add #format=h264 for its H.264"
		}
	}
	switch {
	case !about.Capture:
		return 0, fmt.Errorf("%w: %s (%s, driver %s) captures no video: `bramble-agent devices` lists what does",
			device.ErrNotCamera, path, about.Card, about.Driver)
	case len(names) == 0:
		return 0, fmt.Errorf("%w: %s (%s) offers none: no video signal, or no program writes to it", device.ErrFormat, path,
			about.Card)
	}
	return 0, fmt.Errorf("%w: %s (%s) offers %s, and Bramble takes MJPG, JPEG, YUYV and NV12%s",
		device.ErrFormat, path, about.Card, strings.Join(names, ", "), h264)
}

// config says what to ask for. Raw pictures are small and few by default, since encoding them costs processor time.
func (s *camera) config(path string, pixel device.PixelFormat) device.Config {
	c := device.Config{Path: path, Pixel: pixel, Width: 1280, Height: 720, FPS: 30, Newest: pixel != device.H264}
	if isRaw(pixel) {
		c.Width, c.Height, c.FPS = 640, 480, 10
	}
	if s.width > 0 {
		c.Width, c.Height = s.width, s.height
	}
	if s.fps > 0 {
		c.FPS = s.fps
	}
	return c
}

func isRaw(pixel device.PixelFormat) bool { return pixel == device.YUYV || pixel == device.NV12 }

// logDifference logs that the driver gives another size or rate than was asked for, which is no fault.
func (s *camera) logDifference(ask device.Config, given device.Negotiated) {
	if ask.Width == given.Width && ask.Height == given.Height &&
		(given.FPS == 0 || math.Abs(given.FPS-ask.FPS) <= ask.FPS/100) {
		return
	}
	describe := func(pixel device.PixelFormat, width, height int, fps float64) string {
		return fmt.Sprintf("%s %dx%d at %.4g fps", pixel, width, height, fps)
	}
	s.env.Log.Info("the camera has no such size or rate: it gives the nearest",
		"asked", describe(ask.Pixel, ask.Width, ask.Height, ask.FPS),
		"given", describe(given.Pixel, given.Width, given.Height, given.FPS))
}

// withHint adds the original path to the message about a camera that is gone.
func (s *camera) withHint(err error) error {
	if s.link != "" && errors.Is(err, source.ErrGone) {
		return fmt.Errorf("%w (it was %s when it was first opened; restart bramble-agent if another camera is to "+
			"take its place)", err, s.path)
	}
	return err
}

// stableLink returns the name under which udev will know the camera behind a node again when it comes back with
// another number; "" if there is none, or path is no node but such a link already.
func stableLink(links, path string) string {
	if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink != 0 {
		return ""
	}
	node, err := filepath.EvalSymlinks(path)
	if err != nil {
		return ""
	}
	byID, byPath := linksBelow(filepath.Join(links, "by-id")), linksBelow(filepath.Join(links, "by-path"))
	// Two cameras of one model without serial numbers have one link by id, which points to whichever came last. Then
	// it is the port that tells them apart.
	ambiguous := false
	for link, target := range byPath {
		_, named := linkTo(byID, target)
		ambiguous = ambiguous || !named && strings.Contains(filepath.Base(link), "-usb")
	}
	if link, ok := linkTo(byID, node); ok && !ambiguous {
		return link
	}
	link, _ := linkTo(byPath, node)
	return link
}

// linksBelow returns the links in a directory, with the nodes behind them. Without udev there is no such directory.
func linksBelow(dir string) map[string]string {
	found := map[string]string{}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		link := filepath.Join(dir, e.Name())
		if node, err := filepath.EvalSymlinks(link); err == nil {
			found[link] = node
		}
	}
	return found
}

// linkTo returns the first link to a node, by name.
func linkTo(links map[string]string, node string) (link string, ok bool) {
	for l, target := range links {
		if target == node && (!ok || l < link) {
			link, ok = l, true
		}
	}
	return link, ok
}
