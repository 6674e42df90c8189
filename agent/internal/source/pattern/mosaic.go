package pattern

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
)

// A mosaic is a JPEG made of pieces that were encoded on their own. With a restart interval of one MCU (ITU-T T.81,
// B.2.4.4) the entropy-coded data of each MCU ends on a byte boundary and depends on no other MCU, so that a frame is
// put together by copying: the parts that stand still as they are, and for each moving tile the piece that shows its
// state. A piece is encoded when its state is first seen. The price is about four bytes per MCU.
//
// image/jpeg writes 4:2:0, hence an MCU, and a tile, of 16 x 16 pixels.
const tileSize = 16

// maxPieces bounds the memory of the pieces of one mosaic to about 1 MB.
const maxPieces = 6144

// JPEG markers, the byte after 0xff.
const (
	markerSOI  = 0xd8
	markerEOI  = 0xd9
	markerSOF0 = 0xc0
	markerSOS  = 0xda
	markerDRI  = 0xdd
	markerRST0 = 0xd0
)

// sprite is a part of the picture that changes.
type sprite interface {
	// area holds every pixel that the sprite can change.
	area() image.Rectangle

	// set gives the sprite the state of the next frame, and reports whether it differs from the last one's.
	set(moment) (changed bool)

	// key identifies what the sprite shows in a tile: equal keys mean equal pixels.
	key(tile image.Rectangle) uint64

	// paint draws the state onto the background; dst is the picture or a part of it.
	paint(dst *image.RGBA)
}

// A tile rarely has more than one sprite; in the smallest pictures lines of text share tiles.
const maxTileSprites = 3

// pieceKey identifies a piece: the sprites of its tile, a bit each, and what each of them shows.
type pieceKey struct {
	sprites uint32
	keys    [maxTileSprites]uint64
}

// slot is a tile that changes.
type slot struct {
	still   []byte // the bytes of the tiles before it, back to the last slot
	tile    image.Rectangle
	sprites []sprite
	restart byte // marker that ends the tile

	key   pieceKey
	piece []byte // what the tile shows now
}

// tileIndex identifies a tile's place in 16 bits.
func tileIndex(tile image.Rectangle) uint64 {
	return uint64(tile.Min.Y/tileSize)<<8 | uint64(tile.Min.X/tileSize) //nolint:gosec // tiles are in the picture
}

type mosaic struct {
	size       image.Point
	background func(dst *image.RGBA)
	sprites    []sprite
	enc        pieceEncoder

	slots  []slot
	tail   []byte // what follows the last slot, with EOI
	pieces map[pieceKey][]byte
	limit  int        // of len(pieces)
	canvas image.RGBA // the tile that is being painted
	out    []byte
}

// newMosaic encodes the background. It paints it row by row: a whole picture would be the agent's largest allocation.
func newMosaic(size image.Point, quality int, background func(dst *image.RGBA), sprites []sprite) (*mosaic, error) {
	m := &mosaic{
		size: size, background: background, sprites: sprites,
		enc: pieceEncoder{options: jpeg.Options{Quality: quality}}, pieces: make(map[pieceKey][]byte), limit: maxPieces,
	}
	still, err := m.enc.header(size)
	if err != nil {
		return nil, err
	}
	index := 0
	row := image.NewRGBA(image.Rect(0, 0, size.X, tileSize))
	for y := 0; y < size.Y; y += tileSize {
		row.Rect = image.Rect(0, y, size.X, min(y+tileSize, size.Y))
		background(row)
		for x := 0; x < size.X; x += tileSize {
			tile := image.Rect(x, y, min(x+tileSize, size.X), row.Rect.Max.Y)
			restart := byte(markerRST0 + index%8)
			index++
			if moving, mask := m.spritesAt(tile); mask != 0 {
				m.slots = append(m.slots, slot{
					still: still, tile: tile, sprites: moving, restart: restart, key: pieceKey{sprites: mask},
				})
				still = nil
				continue
			}
			piece, err := m.enc.encode(row.SubImage(tile))
			if err != nil {
				return nil, err
			}
			still = append(append(still, piece...), 0xff, restart)
		}
	}
	m.tail = still
	return m, nil
}

func (m *mosaic) spritesAt(tile image.Rectangle) (found []sprite, mask uint32) {
	for i, s := range m.sprites {
		if s.area().Overlaps(tile) {
			found = append(found, s)
			mask |= 1 << i
		}
	}
	return found, mask
}

// jpeg returns the picture that shows the state. It is valid until the next call.
func (m *mosaic) jpeg(state moment) ([]byte, error) {
	var changed uint32
	for i, s := range m.sprites {
		if s.set(state) {
			changed |= 1 << i
		}
	}
	out := m.out[:0]
	for i := range m.slots {
		s := &m.slots[i]
		if s.piece == nil || s.key.sprites&changed != 0 {
			if err := m.update(s); err != nil {
				return nil, err
			}
		}
		out = append(out, s.still...)
		out = append(out, s.piece...)
		out = append(out, 0xff, s.restart)
	}
	out = append(out, m.tail...)
	// No restart marker follows the last MCU: EOI takes its place.
	out[len(out)-1] = markerEOI
	m.out = out
	return out, nil
}

// update gives the slot the piece that shows the sprites' state, encoding it if it is new.
func (m *mosaic) update(s *slot) error {
	k := pieceKey{sprites: s.key.sprites}
	for i, sp := range s.sprites {
		k.keys[i] = sp.key(s.tile)
	}
	if k == s.key && s.piece != nil {
		return nil
	}
	piece, ok := m.pieces[k]
	if !ok {
		if len(m.pieces) >= m.limit {
			clear(m.pieces)
		}
		var err error
		if piece, err = m.encode(s); err != nil {
			return err
		}
		m.pieces[k] = piece
	}
	s.key, s.piece = k, piece
	return nil
}

// encode paints and encodes the slot's tile.
func (m *mosaic) encode(s *slot) ([]byte, error) {
	img := &m.canvas
	if img.Pix == nil {
		img.Pix, img.Stride = make([]byte, 4*tileSize*tileSize), 4*tileSize
	}
	clear(img.Pix)
	img.Rect = s.tile
	m.background(img)
	for _, sp := range s.sprites {
		sp.paint(img)
	}
	piece, err := m.enc.encode(img)
	return bytes.Clone(piece), err
}

// pieceEncoder turns pictures of one MCU into entropy-coded data.
type pieceEncoder struct {
	options jpeg.Options
	file    fileBuffer
}

// fileBuffer has the methods that keep image/jpeg from allocating a buffer of its own for each picture.
type fileBuffer struct{ bytes.Buffer }

func (*fileBuffer) Flush() error { return nil }

// encode returns the entropy-coded data of img, valid until the next call.
func (e *pieceEncoder) encode(img image.Image) ([]byte, error) {
	e.file.Reset()
	if err := jpeg.Encode(&e.file, img, &e.options); err != nil {
		return nil, err
	}
	scan, _, err := scanStart(e.file.Bytes())
	if err != nil {
		return nil, err
	}
	return e.file.Bytes()[scan : e.file.Len()-2], nil
}

// header returns what precedes the entropy-coded data in a picture of the given size with a restart interval of one
// MCU.
func (e *pieceEncoder) header(size image.Point) ([]byte, error) {
	e.file.Reset()
	if err := jpeg.Encode(&e.file, image.NewRGBA(image.Rect(0, 0, tileSize, tileSize)), &e.options); err != nil {
		return nil, err
	}
	file := e.file.Bytes()
	scan, sof, err := scanStart(file)
	if err != nil {
		return nil, err
	}
	// SOI, DRI, and the rest as it is but for the size.
	header := append([]byte{0xff, markerSOI, 0xff, markerDRI, 0, 4, 0, 1}, file[2:scan]...)
	const inserted = 6
	binary.BigEndian.PutUint16(header[inserted+sof+5:], uint16(size.Y)) //nolint:gosec // spec limits sizes
	binary.BigEndian.PutUint16(header[inserted+sof+7:], uint16(size.X)) //nolint:gosec // spec limits sizes
	return header, nil
}

// scanStart returns where in a baseline JPEG the entropy-coded data and the frame header begin.
func scanStart(file []byte) (scan, sof int, err error) {
	for i := 2; i+4 <= len(file) && file[i] == 0xff; {
		next := i + 2 + int(binary.BigEndian.Uint16(file[i+2:]))
		switch file[i+1] {
		case markerSOF0:
			sof = i
		case markerSOS:
			if sof == 0 || next > len(file)-2 {
				return 0, 0, errors.New("image/jpeg wrote a scan without a baseline frame header")
			}
			return next, sof, nil
		}
		i = next
	}
	return 0, 0, fmt.Errorf("image/jpeg wrote %d bytes without a scan", len(file))
}
