// Package timecode burns a machine-readable clock into the top edge of a picture and reads it back.
//
// The strip is a grid of 40 x 2 black and white blocks, as wide as the picture. In each row the outer four blocks on
// either side are a fixed pattern that gives the reader black and white; the inner 32 hold data. The 64 data bits
// are, most significant first and top row first, 48 bits of Unix milliseconds and their CRC-16/CCITT-FALSE. All
// measures are fractions of the picture's width, so that the strip survives scaling; blocks are large and of full
// contrast, so that it survives lossy coding. Cropping, rotating and unequal scaling destroy it.
package timecode

import (
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"time"
)

const (
	columns = 40
	rows    = 2
	guard   = 4
	data    = columns - 2*guard

	// A row is a 1/80 of the width high, in small pictures twice that: blocks must not shrink below what a codec keeps.
	rowFraction      = 80
	smallRowFraction = 40
	smallWidth       = 320

	msBits = 48
)

// guards returns the fixed blocks of a row, the bits where the data goes being 0. Rows have opposite guards, and so
// have the two sides: a picture without a strip does not look like this by accident.
func guards(row int) uint64 {
	const left, right = 0b1010, 0b0101
	if row == 0 {
		return left<<(columns-guard) | right
	}
	return right<<(columns-guard) | left
}

// Strip is the clock of one picture.
type Strip struct {
	width    int
	fraction int
	blocks   [rows]uint64 // the leftmost block is bit columns-1, 1 is white
}

// New returns the strip that shows t, to the millisecond, in a picture of the given width in pixels.
func New(width int, t time.Time) Strip {
	code := encode(t)
	s := Strip{width: width, fraction: rowFraction}
	if width < smallWidth {
		s.fraction = smallRowFraction
	}
	for row := range rows {
		bits := code >> (data * (rows - 1 - row)) & (1<<data - 1)
		s.blocks[row] = guards(row) | bits<<guard
	}
	return s
}

// Draw burns t into the top edge of img.
func Draw(img draw.Image, t time.Time) {
	b := img.Bounds()
	s := New(b.Dx(), t)
	if b.Min == (image.Point{}) {
		s.Draw(img)
		return
	}
	for row := range rows {
		for col := range columns {
			s.fill(img, s.block(row, col).Add(b.Min), row, col)
		}
	}
}

// Bounds is the part of the picture that the strip covers.
func (s Strip) Bounds() image.Rectangle {
	return image.Rect(0, 0, s.width, s.edge(rows))
}

// Draw paints the strip; img is the picture or a part of it, in the picture's coordinates.
func (s Strip) Draw(img draw.Image) {
	s.each(img.Bounds(), func(row, col int) { s.fill(img, s.block(row, col), row, col) })
}

// Key identifies what a part of the picture shows of the strip: equal keys for the same part mean equal pixels. Of
// parts that touch more than 32 blocks in a row the key is not unique.
func (s Strip) Key(part image.Rectangle) uint64 {
	var key uint64 = 1
	s.each(part, func(row, col int) { key = key<<1 | s.blocks[row]>>(columns-1-col)&1 })
	return key
}

// each calls f for all blocks that overlap part.
func (s Strip) each(part image.Rectangle, f func(row, col int)) {
	first := max(part.Min.X*columns/s.width-1, 0)
	for row := range rows {
		for col := first; col < columns; col++ {
			block := s.block(row, col)
			if block.Min.X >= part.Max.X {
				break
			}
			if block.Overlaps(part) {
				f(row, col)
			}
		}
	}
}

func (s Strip) fill(img draw.Image, at image.Rectangle, row, col int) {
	c := color.Black
	if s.blocks[row]>>(columns-1-col)&1 == 1 {
		c = color.White
	}
	draw.Draw(img, at, image.NewUniform(c), image.Point{}, draw.Src)
}

func (s Strip) block(row, col int) image.Rectangle {
	return image.Rect(col*s.width/columns, s.edge(row), (col+1)*s.width/columns, s.edge(row+1))
}

// edge is the first line of a row, rounded.
func (s Strip) edge(row int) int { return (2*row*s.width + s.fraction) / (2 * s.fraction) }

// encode puts t and its checksum into 64 bits.
func encode(t time.Time) uint64 {
	ms := uint64(t.UnixMilli()) & (1<<msBits - 1)
	return ms<<16 | uint64(checksum(ms))
}

// checksum is CRC-16/CCITT-FALSE over the six bytes of ms, big endian.
func checksum(ms uint64) uint16 {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], ms)
	crc := uint16(0xffff)
	for _, octet := range b[2:] {
		crc ^= uint16(octet) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
