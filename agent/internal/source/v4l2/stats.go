package v4l2

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bramble-cam/bramble/agent/internal/source"
	"github.com/bramble-cam/bramble/agent/internal/source/v4l2/device"
	"github.com/bramble-cam/bramble/shared/status"
)

// stats is what a camera reports. Its methods never wait for the device.
type stats struct {
	reorders atomic.Bool
	cost     atomic.Int64 // of encoding a frame, in nanoseconds, averaged; 0 if nothing was encoded
	clock    atomic.Value // string: where capture times come from

	mu       sync.Mutex
	pixel    device.PixelFormat // guarded by mu; of the last opening
	controls []device.Control   // guarded by mu; as last seen
	refused  map[string]string  // guarded by mu; what could not be set at the last opening, and why
}

// ClockSource implements source.Clocked.
func (r *stats) ClockSource() string {
	if source, ok := r.clock.Load().(string); ok {
		return source
	}
	return status.ClockArrival
}

func (r *stats) setClock(source string) {
	if r.ClockSource() != source || r.clock.Load() == nil {
		r.clock.Store(source)
	}
}

func (r *stats) opened(pixel device.PixelFormat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pixel = pixel
	if !isRaw(pixel) {
		r.cost.Store(0)
	}
}

func (r *stats) lastPixel() device.PixelFormat {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pixel
}

func (r *stats) setControls(list []device.Control) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.controls = list
}

func (r *stats) lastControls() []device.Control {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.controls
}

// setRefused stores which settings the camera refused, and reports whether that has changed.
func (r *stats) setRefused(refused map[string]string) (news bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	news = !maps.Equal(r.refused, refused)
	r.refused = refused
	return news
}

// accepted notes that the camera has taken a setting after all.
func (r *stats) accepted(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.refused, name)
}

func (r *stats) refusals() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Values(r.refused))
}

// Warning implements source.Warner: settings that the camera refused, reordered pictures, and what encoding costs.
func (r *stats) Warning() string {
	list := r.refusals()
	if r.reorders.Load() {
		list = append(list, source.ReorderWarning)
	}
	if cost := time.Duration(r.cost.Load()); cost > 0 {
		list = append(list, fmt.Sprintf("encoding JPEG on this machine costs about %d ms a frame; a camera with "+
			"MJPEG would cost nothing",
			max(1, cost.Round(time.Millisecond).Milliseconds())))
	}
	return strings.Join(list, "; ")
}

// Controls implements source.Configurer.
func (s *camera) Controls() []status.Control {
	var list []status.Control
	for _, c := range s.knownControls() {
		if c.ReadOnly {
			continue
		}
		list = append(list, status.Control{
			Name: c.Name, Type: c.Type, Min: c.Min, Max: c.Max, Step: c.Step, Default: c.Default, Value: c.Value, Menu: c.Menu,
			Inactive: c.Inactive,
		})
	}
	return list
}

// knownControls returns the controls as last seen. A camera that was never open is asked, which does not start it.
func (s *camera) knownControls() []device.Control {
	if list := s.lastControls(); list != nil {
		return list
	}
	about, err := s.host.describe(s.path)
	if err != nil {
		return nil // not there now
	}
	s.setControls(about.Controls)
	return about.Controls
}
