package pattern

import (
	"image"
	"image/color"
	"math"
	"time"

	"github.com/bramble-cam/bramble/internal/draw"
	"github.com/bramble-cam/bramble/internal/testpattern/timecode"
)

// strip is the clock for machines.
type strip struct {
	width int
	strip timecode.Strip
}

func newStrip(width int) *strip {
	return &strip{width: width, strip: timecode.New(width, time.Time{})}
}

func (s *strip) area() image.Rectangle { return s.strip.Bounds() }
func (s *strip) paint(dst *image.RGBA) { s.strip.Draw(dst) }

func (s *strip) set(m moment) bool {
	last := s.strip
	s.strip = timecode.New(s.width, m.now)
	return s.strip != last
}

func (s *strip) key(tile image.Rectangle) uint64 {
	return tileIndex(tile)<<48 | s.strip.Key(tile)
}

// cometLap is how long the comet takes from one end of its track to the other.
const cometLap = 4 * time.Second

// comet is a light with a tail that runs along a horizontal track: whatever stutters is seen at once. The background
// of the track is the same from end to end, so that a tile depends only on its distance from the head.
type comet struct {
	track  image.Rectangle // the line's box
	radius int
	tail   int
	color  color.NRGBA
	plain  func(tile image.Rectangle) bool // the background is the same as in the tiles beside it
	head   int                             // 0 at the left end
}

func (c *comet) area() image.Rectangle {
	return image.Rect(c.track.Min.X, c.track.Min.Y-c.radius, c.track.Max.X, c.track.Max.Y+c.radius)
}

// set moves the head. Even positions are enough, and halve the number of pieces.
func (c *comet) set(m moment) bool {
	lap := time.Duration(m.now.UnixNano()) % cometLap
	last := c.head
	c.head = int(int64(c.track.Dx())*int64(lap)/int64(cometLap)) &^ 1
	return c.head != last
}

// behind returns how far column x is behind the head, going round the ends; negative up to the radius: in front of it.
func (c *comet) behind(x int) int {
	length := c.track.Dx()
	d := (c.track.Min.X+c.head-x)%length + length
	return (d+c.radius)%length - c.radius
}

func (c *comet) key(tile image.Rectangle) uint64 {
	const dark = 1 << 20
	place := tileIndex(tile) >> 8
	if tile.Min.X < c.track.Min.X || tile.Max.X > c.track.Max.X || !c.plain(tile) {
		place = tileIndex(tile) | 1<<16
	}
	first, last := c.behind(tile.Max.X-1), c.behind(tile.Min.X)
	if first > c.tail && last > c.tail && first < last {
		return place<<24 | dark
	}
	return place<<24 | uint64(last+c.radius) //nolint:gosec // not negative
}

func (c *comet) paint(dst *image.RGBA) {
	area := c.area().Intersect(dst.Rect)
	y0, y1 := float64(c.track.Min.Y), float64(c.track.Max.Y)
	for x := area.Min.X; x < area.Max.X; x++ {
		d := c.behind(x)
		if d < 0 || d >= c.tail {
			continue
		}
		left := 1 - float64(d)/float64(c.tail)
		draw.Box(dst, float64(x), y0, float64(x+1), y1, 0, withAlpha(c.color, left*left))
	}
	// The head may lie across the ends: it is drawn at both.
	clipped := dst.SubImage(area).(*image.RGBA)
	for _, lap := range []int{-c.track.Dx(), 0, c.track.Dx()} {
		x := float64(c.track.Min.X+c.head+lap) + 0.5
		draw.Disc(clipped, x, (y0+y1)/2, float64(c.radius), c.color)
	}
}

// dial is a ring of ticks that fills with the seconds of the minute.
type dial struct {
	x, y, radius float64
	ticks        int
	dim, lit     color.NRGBA
	lead         color.NRGBA
	boxes        []image.Rectangle
	now          int // the newest lit tick
}

func newDial(x, y, radius float64, t theme) *dial {
	d := &dial{x: x, y: y, radius: radius, ticks: 60, dim: withAlpha(t.faint, 0.35), lit: t.accent, lead: t.text}
	if radius < 40 {
		d.ticks = 12
	}
	for i := range d.ticks {
		x0, y0, x1, y1 := d.tick(i)
		r := d.width()/2 + 1
		d.boxes = append(d.boxes, image.Rect(
			int(math.Floor(min(x0, x1)-r)), int(math.Floor(min(y0, y1)-r)),
			int(math.Ceil(max(x0, x1)+r)), int(math.Ceil(max(y0, y1)+r))))
	}
	return d
}

func (d *dial) width() float64 { return d.radius * 2.4 / float64(d.ticks) }

// tick returns the ends of tick i; tick 0 is at the top.
func (d *dial) tick(i int) (x0, y0, x1, y1 float64) {
	sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(d.ticks))
	outer := d.radius - d.width()
	inner := outer - 0.13*d.radius
	return d.x + inner*sin, d.y - inner*cos, d.x + outer*sin, d.y - outer*cos
}

func (d *dial) area() image.Rectangle {
	return image.Rect(int(d.x-d.radius), int(d.y-d.radius), int(math.Ceil(d.x+d.radius)), int(math.Ceil(d.y+d.radius)))
}

func (d *dial) set(m moment) bool {
	last := d.now
	d.now = m.now.Second() * d.ticks / 60
	return d.now != last
}

// key holds which of the tile's ticks are lit, at most 22 of them: a dial of many ticks is a large one.
func (d *dial) key(tile image.Rectangle) uint64 {
	var shown uint64
	for i, box := range d.boxes {
		if box.Overlaps(tile) {
			shown = shown<<2 | d.state(i)
		}
	}
	return tileIndex(tile)<<48 | shown
}

// state is 0 for a dim tick, 1 for a lit one, 2 for the newest.
func (d *dial) state(i int) uint64 {
	switch {
	case i == d.now:
		return 2
	case i < d.now:
		return 1
	}
	return 0
}

func (d *dial) paint(dst *image.RGBA) {
	for i, box := range d.boxes {
		if box.Overlaps(dst.Rect) {
			x0, y0, x1, y1 := d.tick(i)
			draw.Line(dst, x0, y0, x1, y1, d.width(), []color.NRGBA{d.dim, d.lit, d.lead}[d.state(i)])
		}
	}
}
