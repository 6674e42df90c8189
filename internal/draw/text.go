package draw

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// MinSize is the smallest font size, in pixels, at which text can still be read.
const MinSize = 8

// Face is the font at one size. It is not safe for concurrent use.
type Face struct {
	size float64
	face font.Face
}

// NewFace returns the font at the given size: the height of the em square in pixels. Sizes below MinSize become
// MinSize.
func NewFace(size float64) *Face {
	size = max(size, MinSize)
	parsed, err := opentype.Parse(gomedium.TTF)
	if err != nil {
		panic("draw: the built-in font is damaged: " + err.Error())
	}
	// At 72 dots per inch a point is a pixel.
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic("draw: the built-in font is damaged: " + err.Error())
	}
	return &Face{size: size, face: face}
}

// FitFace returns the font at the largest size up to size pixels at which text is at most width pixels wide. Text that
// is too wide even at MinSize gets MinSize.
func FitFace(text string, width int, size float64) *Face {
	f := NewFace(size)
	if w := f.Width(text); w > width {
		f = NewFace(math.Floor(f.size * float64(width) / float64(w)))
	}
	return f
}

// Size is the font's size in pixels.
func (f *Face) Size() float64 { return f.size }

// Width is how many pixels text advances, rounded up.
func (f *Face) Width(text string) int { return font.MeasureString(f.face, hyphens(text)).Ceil() }

// CapHeight is the height in pixels of capital letters and digits, rounded up.
func (f *Face) CapHeight() int { return f.face.Metrics().CapHeight.Ceil() }

// Bounds is a box, in pixels, that holds all that Draw paints for the same arguments.
func (f *Face) Bounds(x, y int, text string) image.Rectangle {
	b, _ := font.BoundString(f.face, hyphens(text))
	return image.Rect(b.Min.X.Floor(), b.Min.Y.Floor(), b.Max.X.Ceil(), b.Max.Y.Ceil()).Add(image.Pt(x, y))
}

// Draw writes text with its baseline at y and its left edge at x. What lies outside dst is cut off.
func (f *Face) Draw(dst draw.Image, x, y int, c color.Color, text string) {
	d := font.Drawer{Dst: dst, Src: image.NewUniform(c), Face: f.face, Dot: fixed.P(x, y)}
	d.DrawString(hyphens(text))
}

// hyphens replaces "-", which this font draws as wide as a minus sign, by the soft hyphen, which is a short one.
// Names of cameras are full of them.
func hyphens(text string) string { return strings.ReplaceAll(text, "-", "\u00ad") }
