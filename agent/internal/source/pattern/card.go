package pattern

import (
	"fmt"
	"image"
	"image/color"
	"time"

	"github.com/bramble-cam/bramble/internal/draw"
)

// moment is what the moving parts of a card depend on.
type moment struct {
	now   time.Time
	frame int64
}

// element is a part of the card that stands still.
type element struct {
	box   image.Rectangle
	paint func(dst *image.RGBA)
}

// card is the test card: its layout is made for 1280x720 and scaled to other sizes.
type card struct {
	size     image.Point
	scale    float64 // of fonts and shapes
	theme    theme
	elements []element
	sprites  []sprite
	mosaic   *mosaic
}

func newCard(name string, o options) (*card, error) {
	c := &card{
		size:  image.Pt(o.Width, o.Height),
		scale: min(float64(o.Width)/1280, float64(o.Height)/720),
		theme: themeOf(name),
	}
	c.addTitle(name)
	c.addDial()
	c.addClock()
	c.addTrack()
	c.addSwatches()
	c.addFooter(fmt.Sprintf("%d × %d   %d fps   q%d", o.Width, o.Height, o.FPS, o.Quality))
	c.sprites = append(c.sprites, newStrip(o.Width))
	var err error
	c.mosaic, err = newMosaic(c.size, o.Quality, c.background, c.sprites)
	return c, err
}

// jpeg returns the card at an instant. It is valid until the next call.
func (c *card) jpeg(now time.Time, frame int64) ([]byte, error) {
	return c.mosaic.jpeg(moment{now: now, frame: frame})
}

// px scales a length of the layout.
func (c *card) px(v float64) int { return int(v*c.scale + 0.5) }

// y scales a height above the layout's top edge: a card of another shape is stretched, its text is not.
func (c *card) y(v float64) int { return int(v*float64(c.size.Y)/720 + 0.5) }

// margin is the distance of the content from the left and right edge.
func (c *card) margin() int { return c.px(64) }

func (c *card) add(box image.Rectangle, paint func(dst *image.RGBA)) {
	c.elements = append(c.elements, element{box, paint})
}

func (c *card) addText(face *draw.Face, x, y int, col color.Color, text string) {
	c.add(face.Bounds(x, y, text), func(dst *image.RGBA) { face.Draw(dst, x, y, col, text) })
}

// background paints all that stands still, cut off at dst's bounds.
func (c *card) background(dst *image.RGBA) {
	for y := dst.Rect.Min.Y; y < dst.Rect.Max.Y; y++ {
		line := between(c.theme.top, c.theme.bottom, float64(y)/float64(c.size.Y))
		for x := dst.Rect.Min.X; x < dst.Rect.Max.X; x++ {
			i := dst.PixOffset(x, y)
			dst.Pix[i], dst.Pix[i+1], dst.Pix[i+2], dst.Pix[i+3] = line.R, line.G, line.B, 255
		}
	}
	for _, e := range c.elements {
		if e.box.Overlaps(dst.Rect) {
			e.paint(dst)
		}
	}
}

func (c *card) addTitle(name string) {
	x := c.margin()
	if c.scale > 0.2 {
		c.addText(draw.NewFace(26*c.scale), x, c.y(110), c.theme.accent, "bramble test card")
	}
	face := draw.FitFace(name, c.size.X-2*c.margin()-c.px(240), 128*c.scale)
	c.addText(face, x, c.y(236), c.theme.text, name)
}

// addDial draws a lens, with the seconds around it.
func (c *card) addDial() {
	r := 108 * c.scale
	x, y := float64(c.size.X-c.margin())-r, float64(c.y(64))+r
	dial := newDial(x, y, r, c.theme)
	c.sprites = append(c.sprites, dial)
	c.add(dial.area(), func(dst *image.RGBA) {
		draw.Disc(dst, x, y, 0.66*r, withAlpha(c.theme.bottom, 0.9))
		draw.Ring(dst, x, y, 0.66*r, 0.035*r, withAlpha(c.theme.faint, 0.5))
		draw.Disc(dst, x, y, 0.42*r, withAlpha(c.theme.accent, 0.25))
		draw.Disc(dst, x, y, 0.26*r, withAlpha(c.theme.accent, 0.55))
		draw.Disc(dst, x-0.2*r, y-0.22*r, 0.09*r, withAlpha(c.theme.text, 0.85))
	})
}

func (c *card) addClock() {
	face := draw.FitFace("00:00:00.000", c.size.X-2*c.margin(), 168*c.scale)
	clock := newDigits(face, c.margin(), c.y(432), "00:00:00.000", 8, c.theme.text, c.theme.accent)
	clock.format = func(text []byte, m moment) []byte { return m.now.AppendFormat(text, "15:04:05.000") }

	face = draw.NewFace(34 * c.scale)
	const longest = "Wednesday 30 September 2026   UTC+00:00"
	date := &line{
		face: face, x: c.margin(), y: c.y(496), color: c.theme.faint,
		format: func(m moment) string { return m.now.Format("Monday 2 January 2006   UTC-07:00") },
		stamp: func(m moment) uint64 {
			_, offset := m.now.Zone()
			day := (m.now.Unix() + int64(offset)) / 86400
			return uint64(day<<16+int64(offset)/60+1<<12) & (1<<48 - 1) //nolint:gosec // masked
		},
	}
	date.box = face.Bounds(date.x, date.y, longest+"jg")
	date.box.Max.X = min(date.box.Max.X, c.size.X-c.margin())
	c.sprites = append(c.sprites, clock, date)
}

func (c *card) addTrack() {
	half := max(c.px(4), 1)
	y := c.y(556)
	comet := &comet{
		track:  image.Rect(c.margin(), y-half, c.size.X-c.margin(), y+half),
		radius: c.px(12), tail: c.px(300), color: c.theme.accent,
	}
	comet.track.Max.X -= comet.track.Dx() & 1
	line := len(c.elements)
	comet.plain = func(tile image.Rectangle) bool {
		for i, e := range c.elements {
			if i != line && e.box.Overlaps(tile) {
				return false
			}
		}
		return true
	}
	t := comet.track
	c.add(t, func(dst *image.RGBA) {
		draw.Box(dst, float64(t.Min.X), float64(t.Min.Y), float64(t.Max.X), float64(t.Max.Y), 0,
			withAlpha(c.theme.faint, 0.25))
	})
	c.sprites = append(c.sprites, comet)
}

// addSwatches draws the colors of 75 % color bars (ITU-R BT.471) and a grey scale.
func (c *card) addSwatches() {
	colors := []color.NRGBA{
		{191, 191, 191, 255}, {191, 191, 0, 255}, {0, 191, 191, 255}, {0, 191, 0, 255},
		{191, 0, 191, 255}, {191, 0, 0, 255}, {0, 0, 191, 255},
	}
	for i := range 7 {
		grey := uint8(i * 255 / 6) //nolint:gosec // i is 0 to 6
		colors = append(colors, color.NRGBA{grey, grey, grey, 255})
	}
	gap := 12 * c.scale
	width := (float64(c.size.X-2*c.margin()) + gap) / float64(len(colors))
	y0, y1 := float64(c.y(592)), float64(c.y(592)+c.px(46))
	for i, col := range colors {
		x0 := float64(c.margin()) + float64(i)*width
		x1 := x0 + width - gap
		c.add(image.Rect(int(x0), int(y0), int(x1)+1, int(y1)+1), func(dst *image.RGBA) {
			draw.Box(dst, x0, y0, x1, y1, 10*c.scale, col)
		})
	}
}

// addFooter writes the settings on the left and the frame number on the right.
func (c *card) addFooter(settings string) {
	face := draw.NewFace(30 * c.scale)
	y := c.y(690)
	c.addText(face, c.margin(), y, c.theme.faint, settings)
	const template = "0000000"
	x := c.size.X - c.margin() - len(template)*face.Width("0")
	counter := newDigits(face, x, y, template, 0, c.theme.text, c.theme.text)
	counter.format = func(text []byte, m moment) []byte {
		for i, v := len(template)-1, m.frame; i >= 0; i, v = i-1, v/10 {
			if len(text) == 0 {
				text = append(text, template...)
			}
			text[i] = '0' + byte(v%10) //nolint:gosec // a digit
		}
		return text
	}
	c.sprites = append(c.sprites, counter)
	const caption = "frame  "
	if left := x - face.Width(caption); left > c.margin()+face.Width(settings+"  ") {
		c.addText(face, left, y, c.theme.faint, caption)
	}
}
