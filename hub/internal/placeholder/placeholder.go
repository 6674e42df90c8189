// Package placeholder draws the picture that viewers of a camera see while the camera is gone.
package placeholder

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"time"

	"github.com/bramble-cam/bramble/internal/draw"
	"github.com/bramble-cam/bramble/internal/printable"
)

// Bounds of a placeholder's size, in pixels.
const (
	MinWidth  = 160
	MaxWidth  = 1920
	MinHeight = 120
	MaxHeight = 1080
)

const (
	quality = 82

	// maxText bounds a text in bytes before it is measured. Two lines have room for less.
	maxText = 300
)

// JPEG returns a picture that names the camera and says since when and why it is offline: "porch / offline / last
// seen 18:03:22, 2 min ago / reason". The size should be that of the camera's pictures. A size out of bounds is
// clamped, and 0 x 0 means 1280 x 720. A zero lastSeen means that the camera was never seen. reason may be empty.
// Times are local.
//
// Drawing takes some 15 ms of CPU. Callers should draw once per camera, size and change of the age, and share the
// result among viewers.
func JPEG(camera string, lastSeen time.Time, reason string, width, height int) []byte {
	return render(camera, seen(lastSeen, time.Now()), reason, width, height)
}

func render(camera, seen, reason string, width, height int) []byte {
	if width == 0 && height == 0 {
		width, height = 1280, 720
	}
	width = min(max(width, MinWidth), MaxWidth)
	height = min(max(height, MinHeight), MaxHeight)
	// The colors are calm: this must look neither like an alarm nor like a live picture.
	var (
		bright = color.NRGBA{226, 229, 234, 255}
		amber  = color.NRGBA{222, 170, 92, 255}
		soft   = color.NRGBA{176, 182, 192, 255}
		faint  = color.NRGBA{126, 132, 144, 255}
	)
	c := canvas{
		img:   image.NewRGBA(image.Rect(0, 0, width, height)),
		scale: min(float64(width)/1280, float64(height)/720),
	}
	c.room = width - int(2*64*c.scale)
	c.add(112, 1.15, bright, printable.Line(camera, maxText))
	c.add(56, 1.5, amber, "offline")
	c.add(46, 1.6, soft, seen)
	c.add(40, 1.35, faint, wrap(draw.NewFace(40*c.scale), printable.Line(reason, maxText), c.room, 2)...)
	c.background(color.NRGBA{38, 41, 48, 255}, color.NRGBA{19, 21, 25, 255})
	c.paint()
	var out bytes.Buffer
	// A buffer takes every write, and the size is legal: there is no error to return.
	_ = jpeg.Encode(&out, c.img, &jpeg.Options{Quality: quality})
	return out.Bytes()
}

// canvas is a picture under construction. Lengths are those of a picture of 1280 x 720, times scale.
type canvas struct {
	img   *image.RGBA
	scale float64
	room  int // width that text may take, in pixels
	lines []line
}

type line struct {
	text   string
	face   *draw.Face
	height int // distance from the line above, in pixels
	color  color.Color
}

// add puts lines of the given size, or less if they do not fit, below the last. leading is their distance in font
// sizes.
func (c *canvas) add(size, leading float64, col color.Color, lines ...string) {
	for _, text := range lines {
		face := draw.FitFace(text, c.room, size*c.scale)
		c.lines = append(c.lines, line{text, face, int(leading*face.Size() + 0.5), col})
	}
}

// paint draws the lens and the lines below each other, the whole in the middle of the picture.
func (c *canvas) paint() {
	r := 84 * c.scale
	height := int(2 * r)
	for _, l := range c.lines {
		height += l.height
	}
	w, h := c.img.Rect.Dx(), c.img.Rect.Dy()
	y := (h - height) / 2
	c.lens(float64(w)/2, float64(y)+r, r)
	y += int(2 * r)
	for _, l := range c.lines {
		y += l.height
		l.face.Draw(c.img, (w-l.face.Width(l.text))/2, y, l.color, l.text)
	}
}

// background fills the picture from top to bottom.
func (c *canvas) background(top, bottom color.NRGBA) {
	w, h := c.img.Rect.Dx(), c.img.Rect.Dy()
	for y := range h {
		mix := func(a, b uint8) uint8 { return uint8((int(a)*(h-y) + int(b)*y) / h) } //nolint:gosec // between a and b
		row := c.img.Pix[y*c.img.Stride:]
		pixel := []byte{mix(top.R, bottom.R), mix(top.G, bottom.G), mix(top.B, bottom.B), 255}
		for x := range w {
			copy(row[4*x:4*x+4], pixel)
		}
	}
}

// lens draws a camera's eye, struck out.
func (c *canvas) lens(x, y, r float64) {
	rim, inner := color.NRGBA{92, 98, 109, 255}, color.NRGBA{62, 67, 76, 255}
	draw.Disc(c.img, x, y, r, color.NRGBA{15, 17, 20, 255})
	draw.Ring(c.img, x, y, r, 0.07*r, rim)
	draw.Ring(c.img, x, y, 0.52*r, 0.06*r, inner)
	draw.Disc(c.img, x, y, 0.22*r, inner)
	d := 0.86 * r
	draw.Line(c.img, x-d, y+d, x+d, y-d, 0.3*r, color.NRGBA{31, 33, 39, 255})
	draw.Line(c.img, x-d, y+d, x+d, y-d, 0.09*r, color.NRGBA{222, 170, 92, 255})
}

// wrap breaks text into at most n lines that fit into room pixels, of about equal length; what is left over is replaced
// by "…".
func wrap(face *draw.Face, text string, room, n int) []string {
	lines := split(face, text, room)
	for narrow := room * 19 / 20; len(lines) > 1 && narrow > room/2; narrow -= room / 20 {
		even := split(face, text, narrow)
		if len(even) > len(lines) {
			break
		}
		lines = even
	}
	if len(lines) > n {
		lines = split(face, text, room)[:n]
		lines[n-1] += " …"
	}
	for i, line := range lines {
		lines[i] = shorten(face, line, room)
	}
	return lines
}

// split breaks text at spaces into lines of at most room pixels; a longer word gets a line of its own.
func split(face *draw.Face, text string, room int) (lines []string) {
	current := ""
	for _, word := range strings.Fields(text) {
		longer := strings.TrimSpace(current + " " + word)
		if current == "" || face.Width(longer) <= room {
			current = longer
			continue
		}
		lines = append(lines, current)
		current = word
	}
	if current != "" {
		lines = append(lines, current)
	}
	return lines
}

// shorten cuts off the end of a line that does not fit into room pixels.
func shorten(face *draw.Face, line string, room int) string {
	runes := []rune(line)
	for n := len(runes) - 1; n > 0 && face.Width(line) > room; n-- {
		line = string(runes[:n]) + "…"
	}
	return line
}

// seen returns a line that says when the camera was last seen.
func seen(last, now time.Time) string {
	if last.IsZero() {
		return "never seen"
	}
	last, now = last.Local(), now.Local()
	layout := "15:04:05"
	if y, m, d := last.Date(); now.Year() != y || now.Month() != m || now.Day() != d {
		layout = "2 Jan 2006 15:04"
	}
	return "last seen " + last.Format(layout) + ", " + ago(now.Sub(last))
}

// ago returns an age in words. It may be negative, because a camera's clock may be ahead of the hub's.
func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return fmt.Sprintf("%d days ago", d/(24*time.Hour))
}
