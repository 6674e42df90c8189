package timecode

import (
	"errors"
	"image"
	"image/color"
	"math/bits"
	"time"
)

// ErrNotFound means that a picture carries no readable strip.
var ErrNotFound = errors.New(
	"clockstrip: no readable clock at the picture's top edge; it must be neither cropped nor rotated")

// minContrast is the least difference of brightness (0..255) between black and white guards.
const minContrast = 48

// Read returns the time, to the millisecond, that Draw burned into the picture from which img was made.
func Read(img image.Image) (time.Time, error) {
	b := img.Bounds()
	if b.Dx() < columns {
		return time.Time{}, ErrNotFound
	}
	// A scaled picture does not tell its first width, so both heights are tried; the checksum decides.
	for _, fraction := range []int{rowFraction, smallRowFraction} {
		if t, ok := read(img, float64(b.Dx())/float64(fraction)); ok {
			return t, nil
		}
	}
	return time.Time{}, ErrNotFound
}

func read(img image.Image, rowHeight float64) (time.Time, bool) {
	var code uint64
	for row := range rows {
		var luma [columns]int
		for col := range columns {
			luma[col] = blockLuma(img, row, col, rowHeight)
		}
		threshold, ok := calibrate(luma, guards(row))
		if !ok {
			return time.Time{}, false
		}
		for _, y := range luma[guard : columns-guard] {
			code <<= 1
			if y > threshold {
				code |= 1
			}
		}
	}
	ms := code >> 16
	if checksum(ms) != uint16(code) {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(ms)), true
}

// calibrate returns the brightness half way between the row's black and white guard blocks, and whether each of them
// is on its side of it.
func calibrate(luma [columns]int, pattern uint64) (threshold int, ok bool) {
	mask := uint64(1<<guard-1)<<(columns-guard) | 1<<guard - 1
	white := bits.OnesCount64(pattern & mask)
	black := bits.OnesCount64(mask) - white
	var sumWhite, sumBlack int
	lowestWhite, highestBlack := 255, 0
	for col, y := range luma {
		bit := uint64(1) << (columns - 1 - col)
		switch {
		case mask&bit == 0:
		case pattern&bit != 0:
			sumWhite += y
			lowestWhite = min(lowestWhite, y)
		default:
			sumBlack += y
			highestBlack = max(highestBlack, y)
		}
	}
	meanWhite, meanBlack := sumWhite/white, sumBlack/black
	threshold = (meanWhite + meanBlack) / 2
	return threshold, meanWhite-meanBlack >= minContrast && lowestWhite > threshold && highestBlack <= threshold
}

// blockLuma is the mean brightness of a 3 x 3 grid over the middle of a block.
func blockLuma(img image.Image, row, col int, rowHeight float64) int {
	b := img.Bounds()
	columnWidth := float64(b.Dx()) / columns
	sum := 0
	for j := range 3 {
		for i := range 3 {
			x := b.Min.X + int((float64(col)+float64(3+2*i)/10)*columnWidth)
			y := b.Min.Y + int((float64(row)+float64(3+2*j)/10)*rowHeight)
			sum += int(color.GrayModel.Convert(img.At(x, min(y, b.Max.Y-1))).(color.Gray).Y)
		}
	}
	return sum / 9
}
