package draw

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"testing"
)

func canvas(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Rect, image.Black, image.Point{}, draw.Src)
	return img
}

// ink is the box of the pixels that are not black, and how many there are.
func ink(img *image.RGBA) (box image.Rectangle, count int) {
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			if img.RGBAAt(x, y).R != 0 {
				box = box.Union(image.Rect(x, y, x+1, y+1))
				count++
			}
		}
	}
	return box, count
}

func TestDrawStaysInBounds(t *testing.T) {
	for _, size := range []float64{8, 13.5, 40, 115} {
		for _, text := range []string{"porch", "18:03:22.347", "Grüße, 2 min ago · 640 × 360", "jgy|@"} {
			f := NewFace(size)
			img := canvas(2000, 300)
			f.Draw(img, 100, 180, color.White, text)
			box, count := ink(img)
			if bounds := f.Bounds(100, 180, text); count == 0 || !box.In(bounds) {
				t.Errorf("%q at %v: %d pixels in %v, bounds %v", text, size, count, box, bounds)
			}
			if w := f.Width(text); box.Max.X > 100+w+int(size/4) || box.Dx() < w/2 {
				t.Errorf("%q at %v: ink %v, width %d", text, size, box, w)
			}
		}
	}
}

func TestHeight(t *testing.T) {
	f := NewFace(100)
	img := canvas(200, 200)
	f.Draw(img, 20, 150, color.White, "H")
	box, _ := ink(img)
	if box.Max.Y != 150 || box.Dy() < f.CapHeight()-1 || box.Dy() > f.CapHeight() {
		t.Errorf("H covers %v: baseline 150, cap height %d", box, f.CapHeight())
	}
}

func TestFit(t *testing.T) {
	const text = "workshop-printer-two-left"
	for width := 150; width < 1200; width += 50 {
		f := FitFace(text, width, 80)
		if w := f.Width(text); w > width || (w < width*9/10 && f.Size() < 79) {
			t.Errorf("%d pixels wide at size %v, to fit %d", w, f.Size(), width)
		}
	}
	if f := FitFace(text, 10, 80); f.Size() != MinSize {
		t.Errorf("size %v, want the smallest", f.Size())
	}
	if f := NewFace(0); f.Size() != MinSize {
		t.Errorf("size %v, want the smallest", f.Size())
	}
}

// Drawn tile by tile, text is the same as drawn at once.
func TestDrawInParts(t *testing.T) {
	f := NewFace(31)
	whole, parts := canvas(320, 64), canvas(320, 64)
	f.Draw(whole, 7, 45, color.White, "bramble 0123")
	for y := 0; y < 64; y += 16 {
		for x := 0; x < 320; x += 16 {
			f.Draw(parts.SubImage(image.Rect(x, y, x+16, y+16)).(*image.RGBA), 7, 45, color.White, "bramble 0123")
		}
	}
	if !bytes.Equal(whole.Pix, parts.Pix) {
		t.Error("the pictures differ")
	}
}

// Cells of equal width need digits of equal width.
func TestDigitsHaveOneWidth(t *testing.T) {
	f := NewFace(100)
	for d := '0'; d <= '9'; d++ {
		if w := f.Width(string(d)); w != f.Width("0") {
			t.Errorf("%c is %d wide, 0 is %d", d, w, f.Width("0"))
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	f := NewFace(115)
	img := canvas(1280, 200)
	for b.Loop() {
		f.Draw(img, 64, 150, color.White, "18:03:22.347")
	}
}
