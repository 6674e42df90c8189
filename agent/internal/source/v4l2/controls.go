package v4l2

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/internal/logkey"
	"github.com/bramble-cam/bramble/shared/frame"
)

// Controls that have a setting of their own, by the names that V4L2 gives them.
const (
	controlBitrate = "video_bitrate"
	controlQuality = "compression_quality"
	controlIntra   = "h264_i_frame_period"
	controlGOP     = "video_gop_size" // of encoders without the former
)

var errNoQuality = errors.New("quality has no effect: this camera encodes its JPEGs itself and has no control for " +
	"it; change its size or fps")

// change is one control to be set.
type change struct {
	name  string
	value int64
}

// sortChanges sorts changes into an order that works: while an automatic control is on, cameras refuse or ignore its
// manual one.
func sortChanges(list []change) []change {
	rank := func(c change) int {
		if strings.Contains(c.name, "auto") || strings.HasSuffix(c.name, "_mode") {
			return 0
		}
		return 1
	}
	slices.SortFunc(list, func(a, b change) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.name, b.name))
	})
	return list
}

// apply applies the settings to a camera that was just opened. What the camera refuses becomes a warning: it still
// delivers pictures.
func (s *camera) apply(cam captureDevice) {
	list, err := cam.Controls()
	if err != nil {
		s.env.Log.Debug("controls not read", logkey.Err, err)
	}
	refused := map[string]string{}
	for _, c := range s.changes(list, cam.Negotiated().Pixel) {
		if err := cam.SetControl(c.name, c.value); err != nil {
			refused[c.name] = fmt.Sprintf("%s=%d was not set: %v", c.name, c.value, err)
		}
	}
	if s.quality.Load() > 0 && !isRaw(cam.Negotiated().Pixel) && find(list, controlQuality) == nil {
		refused[controlQuality] = errNoQuality.Error()
	}
	if s.setRefused(refused) {
		for _, text := range s.refusals() {
			s.env.Log.Warn("camera opened, but not as configured", logkey.Err, text)
		}
	}
	s.refresh(cam)
}

// changes returns the settings for a camera with these controls.
func (s *camera) changes(list []device.Control, pixel device.PixelFormat) []change {
	var wanted []change
	for name, value := range s.wanted {
		wanted = append(wanted, change{name, value})
	}
	if s.intra > 0 {
		name := controlIntra
		if find(list, name) == nil && find(list, controlGOP) != nil {
			name = controlGOP
		}
		wanted = append(wanted, change{name, int64(s.intra)})
	}
	if q := s.quality.Load(); q > 0 && !isRaw(pixel) && find(list, controlQuality) != nil {
		wanted = append(wanted, change{controlQuality, int64(q)})
	}
	return sortChanges(wanted)
}

// refresh reads the controls again: one may have changed others.
func (s *camera) refresh(cam captureDevice) {
	if list, err := cam.Controls(); err == nil {
		s.setControls(list)
	}
}

func find(list []device.Control, name string) *device.Control {
	if i := slices.IndexFunc(list, func(c device.Control) bool { return c.Name == name }); i >= 0 {
		return &list[i]
	}
	return nil
}

// Configure implements source.Configurer.
func (s *camera) Configure(set source.Settings) error { return s.configure(set, frame.JPEG) }

// Configure implements source.Configurer.
func (s h264Camera) Configure(set source.Settings) error { return s.configure(set, frame.H264) }

func (s *camera) configure(set source.Settings, format frame.Format) error {
	s.configuring.Lock()
	defer s.configuring.Unlock()
	changes, err := s.check(set, format)
	if err == nil && s.cam != nil {
		err = s.set(s.cam, changes)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", source.ErrSetting, err)
	}
	for _, c := range changes {
		if c.name != controlQuality || set.Quality == nil {
			s.remember(c)
		}
		if s.cam != nil {
			s.accepted(c.name)
		}
	}
	if set.Quality != nil {
		s.quality.Store(int32(*set.Quality)) //nolint:gosec // 1 to 100
	}
	if set.FPS != nil && *set.FPS != s.fps {
		s.fps = *set.FPS
		if s.restart != nil {
			s.restart(source.ErrRestart)
		}
	}
	return nil
}

// remember keeps a change for the next opening. A button is pressed only once.
func (s *camera) remember(c change) {
	if known := find(s.lastControls(), c.name); known == nil || known.Type != "button" {
		s.wanted[c.name] = c.value
	}
}

// check returns the controls to set, or what is wrong with the settings.
func (s *camera) check(set source.Settings, format frame.Format) ([]change, error) {
	var changes []change
	if set.FPS != nil && !(*set.FPS >= minFPS && *set.FPS <= maxFPS) {
		return nil, fmt.Errorf("fps %g: set it from %g to %d", *set.FPS, minFPS, maxFPS)
	}
	if set.Bitrate != nil {
		if format != frame.H264 {
			return nil, errors.New("bitrate is for H.264; this camera delivers JPEG: set its size, fps or quality")
		}
		changes = append(changes, change{controlBitrate, int64(*set.Bitrate)})
	}
	if set.Quality != nil {
		byCamera, err := s.checkQuality(*set.Quality, format)
		if err != nil {
			return nil, err
		}
		if byCamera {
			changes = append(changes, change{controlQuality, int64(*set.Quality)})
		}
	}
	for name, value := range set.Controls {
		changes = append(changes, change{name, value})
	}
	return sortChanges(changes), s.checkControls(changes)
}

// checkQuality reports whether the camera has a control for the quality.
func (s *camera) checkQuality(quality int, format frame.Format) (byCamera bool, err error) {
	pixel := cmp.Or(s.lastPixel(), s.pixel)
	if pixel == 0 {
		if pixel, err = s.choose(s.path); err != nil {
			return false, fmt.Errorf("quality: the camera was never open, and cannot be asked what it delivers: %w",
				err)
		}
	}
	switch {
	case format == frame.H264:
		return false, errors.New("quality is for JPEG; this camera delivers H.264: set its bitrate")
	case quality < 1 || quality > 100:
		return false, fmt.Errorf("quality %d: set it from 1 to 100", quality)
	case isRaw(pixel):
		return false, nil
	case find(s.knownControls(), controlQuality) == nil:
		return false, errNoQuality
	}
	return true, nil
}

// checkControls says which change the camera cannot take.
func (s *camera) checkControls(changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	list := s.knownControls()
	if len(list) == 0 {
		return fmt.Errorf("%s: the camera has no controls, or was never there to be asked for them", changes[0].name)
	}
	for _, c := range changes {
		known := find(list, c.name)
		switch {
		case known == nil:
			return fmt.Errorf("%w: %q; it has %s", source.ErrNoControl, c.name, controlNames(list))
		case known.Type == "button": // pressed, whatever the value
			continue
		}
		if err := known.Check(c.value); err != nil {
			return err
		}
	}
	return nil
}

func controlNames(list []device.Control) string {
	var names []string
	for _, c := range list {
		if !c.ReadOnly {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ", ")
}

// set sets all of the changes or, if the camera refuses one, none.
func (s *camera) set(cam captureDevice, changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	defer s.refresh(cam)
	before, err := cam.Controls()
	if err != nil {
		return err
	}
	for i, c := range changes {
		err := cam.SetControl(c.name, c.value)
		if err == nil {
			continue
		}
		for _, done := range slices.Backward(changes[:i]) {
			if old := find(before, done.name); old != nil && old.Type != "button" {
				err = errors.Join(err, cam.SetControl(done.name, old.Value))
			}
		}
		return err
	}
	return nil
}
