package draw

import (
	"image"
	"image/color"
	"math"
)

// Box fills the box from (x0, y0) to (x1, y1) with corners of the given radius.
func Box(dst *image.RGBA, x0, y0, x1, y1, radius float64, c color.NRGBA) {
	cx, cy := (x0+x1)/2, (y0+y1)/2
	hx, hy := (x1-x0)/2-radius, (y1-y0)/2-radius
	fill(dst, cover(x0, y0, x1, y1), c, func(x, y float64) float64 {
		dx, dy := math.Abs(x-cx)-hx, math.Abs(y-cy)-hy
		return math.Hypot(max(dx, 0), max(dy, 0)) + min(max(dx, dy), 0) - radius
	})
}

// Disc fills the circle around (cx, cy).
func Disc(dst *image.RGBA, cx, cy, radius float64, c color.NRGBA) {
	fill(dst, cover(cx-radius, cy-radius, cx+radius, cy+radius), c, func(x, y float64) float64 {
		return math.Hypot(x-cx, y-cy) - radius
	})
}

// Ring strokes the circle around (cx, cy) with a line of the given width, centered on radius.
func Ring(dst *image.RGBA, cx, cy, radius, width float64, c color.NRGBA) {
	o := radius + width/2
	fill(dst, cover(cx-o, cy-o, cx+o, cy+o), c, func(x, y float64) float64 {
		return math.Abs(math.Hypot(x-cx, y-cy)-radius) - width/2
	})
}

// Line strokes from (x0, y0) to (x1, y1) with round ends.
func Line(dst *image.RGBA, x0, y0, x1, y1, width float64, c color.NRGBA) {
	dx, dy := x1-x0, y1-y0
	length := max(dx*dx+dy*dy, 1e-9)
	r := width / 2
	fill(dst, cover(min(x0, x1)-r, min(y0, y1)-r, max(x0, x1)+r, max(y0, y1)+r), c, func(x, y float64) float64 {
		along := min(max(((x-x0)*dx+(y-y0)*dy)/length, 0), 1)
		return math.Hypot(x-x0-along*dx, y-y0-along*dy) - r
	})
}

// cover returns the pixels that a shape with these extremes can touch.
func cover(x0, y0, x1, y1 float64) image.Rectangle {
	return image.Rect(int(math.Floor(x0))-1, int(math.Floor(y0))-1, int(math.Ceil(x1))+1, int(math.Ceil(y1))+1)
}

// fill blends c over each pixel by how much of it lies inside: distance is signed, negative inside.
func fill(dst *image.RGBA, area image.Rectangle, c color.NRGBA, distance func(x, y float64) float64) {
	area = area.Intersect(dst.Rect)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			a := min(max(0.5-distance(float64(x)+0.5, float64(y)+0.5), 0), 1)
			if a == 0 {
				continue
			}
			i := dst.PixOffset(x, y)
			blend(dst.Pix[i:i+4:i+4], c, int(a*float64(c.A)+0.5))
		}
	}
}

// blend puts c with the given opacity (0..255) over one pixel.
func blend(pix []uint8, c color.NRGBA, opacity int) {
	pix[0] = mix(pix[0], c.R, opacity)
	pix[1] = mix(pix[1], c.G, opacity)
	pix[2] = mix(pix[2], c.B, opacity)
	pix[3] = mix(pix[3], 255, opacity)
}

func mix(under, over uint8, opacity int) uint8 {
	return uint8((int(under)*(255-opacity) + int(over)*opacity + 127) / 255) //nolint:gosec // a weighted mean of bytes
}
