package mjpeg

import (
	"sync"
	"time"

	"github.com/bramble-cam/bramble/hub/internal/cameras"
	"github.com/bramble-cam/bramble/hub/internal/mpjpeg"
	"github.com/bramble-cam/bramble/hub/internal/placeholder"
)

// placeholderTime is how long a placeholder is shown before it is drawn again, because the time since the camera was
// seen grows.
const placeholderTime = 5 * time.Second

// placeholders draws each camera's placeholder once for all its viewers.
type placeholders struct {
	mu    sync.Mutex
	drawn map[*cameras.Camera]drawn
}

type drawn struct {
	part part
	at   time.Time
}

func newPlaceholders() *placeholders { return &placeholders{drawn: make(map[*cameras.Camera]drawn)} }

// of returns a function that draws the camera's placeholder, or takes it from memory.
func (p *placeholders) of(cam *cameras.Camera) func() part {
	return func() part {
		p.mu.Lock()
		defer p.mu.Unlock()
		now := time.Now()
		if d, ok := p.drawn[cam]; ok && now.Sub(d.at) < placeholderTime {
			return d.part
		}
		for c, d := range p.drawn { // those without viewers lately
			if now.Sub(d.at) > time.Minute {
				delete(p.drawn, c)
			}
		}
		i := cam.Info()
		picture := placeholder.JPEG(i.Camera, i.LastStatus, i.Reason, i.Width, i.Height)
		d := drawn{part{mpjpeg.PartHeader(nil, len(picture), now), picture}, now}
		p.drawn[cam] = d
		return d.part
	}
}
