package pattern

import (
	"bytes"
	"image"
	"image/color"
	imagedraw "image/draw"

	"github.com/bramble-cam/bramble/internal/draw"
)

// digits is a line of digits and punctuation that changes often: each character has its own cell, so that a
// tile depends only on the few characters that overlap it.
type digits struct {
	box    image.Rectangle
	text   []byte
	last   []byte
	format func(text []byte, m moment) []byte
	left   []int // of cell i; one more for the right edge
	accent int   // index of the first character in the accent color
	colors [2]*image.Uniform
	glyphs map[byte]*image.Alpha
}

// newDigits lays out a line with its baseline at y. template has the shape of every text: digits where digits will be.
func newDigits(face *draw.Face, x, y int, template string, accent int, normal, special color.Color) *digits {
	d := &digits{
		accent: accent, glyphs: make(map[byte]*image.Alpha),
		colors: [2]*image.Uniform{image.NewUniform(normal), image.NewUniform(special)},
	}
	pad := int(face.Size() / 12)
	top, bottom := y-face.CapHeight()-pad, y+pad
	left := x
	for i := range len(template) {
		d.left = append(d.left, left)
		left += face.Width(template[i : i+1])
	}
	d.left = append(d.left, left)
	d.box = image.Rect(x, top, left, bottom)
	for _, c := range []byte("0123456789:.") {
		glyph := image.NewAlpha(image.Rect(0, 0, face.Width(string(c)), d.box.Dy()))
		face.Draw(glyph, 0, y-top, color.Opaque, string(c))
		d.glyphs[c] = glyph
	}
	return d
}

func (d *digits) area() image.Rectangle { return d.box }

func (d *digits) set(m moment) bool {
	d.last, d.text = d.text, d.format(d.last[:0], m)
	return !bytes.Equal(d.last, d.text)
}

func (d *digits) key(tile image.Rectangle) uint64 {
	var shown uint64
	for i, c := range d.text {
		if d.left[i] < tile.Max.X && tile.Min.X < d.left[i+1] {
			// The low 4 bits tell digits, ':' and '.' apart; more than 6 characters never fit into a tile.
			shown = shown<<4 | uint64(c&0xf)
		}
	}
	return tileIndex(tile)<<48 | shown
}

func (d *digits) paint(dst *image.RGBA) {
	for i, c := range d.text {
		src := d.colors[0]
		if i >= d.accent {
			src = d.colors[1]
		}
		cell := image.Rect(d.left[i], d.box.Min.Y, d.left[i+1], d.box.Max.Y)
		imagedraw.DrawMask(dst, cell, src, image.Point{}, d.glyphs[c], image.Point{}, imagedraw.Over)
	}
}

// line is a line of text that seldom changes.
type line struct {
	box     image.Rectangle
	face    *draw.Face
	x, y    int
	color   color.Color
	format  func(m moment) string
	stamp   func(m moment) uint64 // identifies the text without building it
	text    string
	current uint64
}

func (l *line) area() image.Rectangle { return l.box }

func (l *line) set(m moment) bool {
	stamp := l.stamp(m)
	if stamp == l.current && l.text != "" {
		return false
	}
	l.current, l.text = stamp, l.format(m)
	return true
}

func (l *line) key(tile image.Rectangle) uint64 {
	return tileIndex(tile)<<48 | l.current
}

func (l *line) paint(dst *image.RGBA) { l.face.Draw(dst, l.x, l.y, l.color, l.text) }
