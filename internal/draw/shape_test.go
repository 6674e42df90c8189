package draw

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"testing"
)

// paint draws every shape.
func paint(img *image.RGBA) {
	Box(img, 3.5, 4, 40, 30.25, 6, color.NRGBA{200, 10, 10, 255})
	Disc(img, 60, 20, 15.5, color.NRGBA{10, 200, 10, 128})
	Ring(img, 60, 50, 12, 3, color.NRGBA{10, 10, 200, 255})
	Line(img, 5, 60, 90, 40, 4, color.NRGBA{255, 255, 255, 200})
	Line(img, 20, 50, 20, 50, 6, color.NRGBA{255, 255, 0, 255})
}

func TestPartsMakeTheWhole(t *testing.T) {
	whole, parts := image.NewRGBA(image.Rect(0, 0, 96, 80)), image.NewRGBA(image.Rect(0, 0, 96, 80))
	paint(whole)
	for y := 0; y < 80; y += 16 {
		for x := 0; x < 96; x += 16 {
			paint(parts.SubImage(image.Rect(x, y, x+16, y+16)).(*image.RGBA))
		}
	}
	if !bytes.Equal(whole.Pix, parts.Pix) {
		t.Error("the pictures differ")
	}
}

// The sum of coverage is the shape's area.
func TestArea(t *testing.T) {
	white := color.NRGBA{255, 255, 255, 255}
	for _, c := range []struct {
		name string
		draw func(img *image.RGBA)
		want float64
	}{
		{"box", func(img *image.RGBA) { Box(img, 10, 10, 50.5, 30, 0, white) }, 40.5 * 20},
		{"round box", func(img *image.RGBA) { Box(img, 10, 10, 50, 30, 10, white) }, 20*20 + math.Pi*100},
		{"disc", func(img *image.RGBA) { Disc(img, 40, 40, 20, white) }, math.Pi * 400},
		{"ring", func(img *image.RGBA) { Ring(img, 40, 40, 20, 4, white) }, math.Pi * (22*22 - 18*18)},
		{"line", func(img *image.RGBA) { Line(img, 10, 40, 60, 40, 6, white) }, 50*6 + math.Pi*9},
		{"outside", func(img *image.RGBA) { Disc(img, -50, 40, 20, white) }, 0},
	} {
		img := image.NewRGBA(image.Rect(0, 0, 80, 80))
		c.draw(img)
		sum := 0.0
		for i := 3; i < len(img.Pix); i += 4 {
			sum += float64(img.Pix[i]) / 255
		}
		if math.Abs(sum-c.want) > 0.01*c.want+0.5 {
			t.Errorf("%s: area %.1f, want %.1f", c.name, sum, c.want)
		}
	}
}

func TestBlend(t *testing.T) {
	img := image.NewRGBA(image.Rect(0, 0, 1, 1))
	Box(img, 0, 0, 1, 1, 0, color.NRGBA{100, 200, 0, 255})
	Box(img, 0, 0, 1, 1, 0, color.NRGBA{200, 100, 255, 51})
	if got, want := img.RGBAAt(0, 0), (color.RGBA{120, 180, 51, 255}); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}
