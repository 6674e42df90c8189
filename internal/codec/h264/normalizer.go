package h264

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// Info describes an access unit that Normalize has returned.
type Info struct {
	// Key is true for an IDR picture: it decodes alone, and all parameter sets are in front of it. The first slice
	// decides.
	Key bool

	// ParamsChanged is true if Params are not those of the picture returned before, so also for the first picture with
	// any.
	ParamsChanged bool

	// Copied is true if the result lies in dst's memory, or in new memory if dst was too small, and false if the result
	// is au itself.
	Copied bool

	// Width and Height in pixels, of the SPS that the last key frame refers to; 0 before the first one.
	Width, Height int

	// Pixels is how many pixels of a picture a decoder keeps, including those that are cropped.
	Pixels int

	// Params are the parameter sets known at this picture: the same pointer as long as they stay the same. For a key
	// frame there is at least an SPS and a PPS; before the first one it may be nil.
	Params *ParamSets
}

// Normalizer brings the access units of one stream into wire form. It remembers the stream's parameter sets, so that
// streams which send them only once get them put back. The zero value is ready; it is not for use by several
// goroutines at once.
type Normalizer struct {
	store         paramStore
	reported      *ParamSets // of the last picture returned
	width, height int
	pixels        int

	// The access unit at hand.
	nalus  []span // those that are kept
	slice  int    // index in nalus of the first slice, or -1
	framed bool   // start codes are those of the wire form, and nothing was left out
	parts  bool   // there is some NALU that belongs into an access unit
}

// span is where a NALU lies in its access unit.
type span struct{ start, end int }

// Normalize returns an access unit in wire form. If au is in wire form already, the result is au itself, not a copy.
// Otherwise it is appended to dst[:0], which must not overlap au; Info.Copied tells which, so a caller that reuses
// its buffer writes
//
//	out, info, err := n.Normalize(buf, au)
//	if info.Copied {
//		buf = out
//	}
//
// The slices are the same bytes in the same order. An IDR gets the parameter sets in front, those of the access unit
// included; other access units keep the parameter sets they have. Sets behind the first slice of an IDR count from
// the next access unit on.
//
// The error is ErrNoPicture or wraps one of the faults; neither spoils the Normalizer. A picture that is not an IDR
// is accepted before any parameter sets: it is for the caller to wait for a key frame, also after a fault.
func (n *Normalizer) Normalize(dst, au []byte) (out []byte, info Info, err error) {
	if err := n.split(au); err != nil {
		return nil, Info{}, err
	}
	before := n.nalus
	if n.slice >= 0 {
		before = n.nalus[:n.slice]
	}
	if err := n.remember(au, before); err != nil {
		return nil, Info{}, err
	}
	if n.slice < 0 {
		return nil, Info{}, ErrNoPicture
	}
	first := n.nalus[n.slice]
	info.Key = naluType(au[first.start:]) == h264.NALUTypeIDR
	if !info.Key { // sets behind a slice count at once: they stay where they are
		if err := n.remember(au, n.nalus[n.slice:]); err != nil {
			return nil, Info{}, err
		}
	} else {
		active, err := n.store.activate(au[first.start:first.end])
		if err != nil {
			return nil, Info{}, err
		}
		n.width, n.height, n.pixels = active.width, active.height, active.pixels
	}
	params := n.store.paramSets(n.reported)
	if out, info.Copied, err = n.write(dst, au, info.Key, params); err != nil {
		return nil, Info{}, err
	}
	if info.Key {
		if err := n.remember(au, n.nalus[n.slice:]); err != nil {
			return nil, Info{}, err
		}
	}
	info.ParamsChanged = params != n.reported
	n.reported = params
	info.Width, info.Height, info.Pixels, info.Params = n.width, n.height, n.pixels, params
	return out, info, nil
}

// split finds the NALUs of an access unit and judges whether it can be one.
func (n *Normalizer) split(au []byte) error {
	n.nalus, n.slice, n.framed, n.parts = n.nalus[:0], -1, true, false
	if len(au) > MaxAccessUnitSize {
		return tooLarge(len(au), MaxAccessUnitSize, "bytes")
	}
	pos := firstNALU(au)
	switch {
	case len(au) == 0:
		return ErrEmpty
	case pos < 0 || len(bytes.TrimLeft(au[:pos-1], "\x00")) > 0:
		return fmt.Errorf("%w: no start code at its beginning", ErrNotAnnexB)
	}
	count, wireEnd := 0, 0 // wireEnd: where the next start code would begin in wire form
	for pos >= 0 {
		end, next := endOfNALU(au, pos)
		if end > pos {
			if count++; count > MaxNALUs {
				return tooLarge(count, MaxNALUs, "NALUs or more")
			}
			if pos != wireEnd+4 {
				n.framed = false
			}
			if err := n.take(au, span{pos, end}); err != nil {
				return err
			}
			wireEnd = end
		}
		pos = next
	}
	n.framed = n.framed && wireEnd == len(au)
	switch {
	case count == 0:
		return ErrEmpty
	case !n.parts:
		return fmt.Errorf("%w: no NALU of a known type", ErrNotAnnexB)
	}
	return nil
}

// take keeps a NALU, unless the wire form goes without it.
func (n *Normalizer) take(au []byte, at span) error {
	nalu := au[at.start:at.end]
	if nalu[0]&0x80 != 0 {
		return fmt.Errorf("%w: forbidden_zero_bit is set in NALU at byte %d", ErrNotAnnexB, at.start)
	}
	switch t := naluType(nalu); t {
	case h264.NALUTypeNonIDR, h264.NALUTypeDataPartitionA, h264.NALUTypeIDR:
		n.parts = true
		if n.slice < 0 {
			n.slice = len(n.nalus)
		}
	case h264.NALUTypeAccessUnitDelimiter, h264.NALUTypeFillerData, h264.NALUTypeEndOfSequence, h264.NALUTypeEndOfStream:
		n.parts, n.framed = true, false
		return nil
	default:
		// Types 0 and above 23 are free for other uses (table 7-1), and partitions B and C mean nothing without A.
		n.parts = n.parts || t >= h264.NALUTypeSEI && t <= h264.NALUTypeReserved23
	}
	n.nalus = append(n.nalus, at)
	return nil
}

func (n *Normalizer) remember(au []byte, nalus []span) error {
	for _, at := range nalus {
		if err := n.store.remember(au[at.start:at.end]); err != nil {
			return err
		}
	}
	return nil
}

// write returns the access unit in wire form.
func (n *Normalizer) write(dst, au []byte, key bool, params *ParamSets) (out []byte, copied bool, err error) {
	if n.framed && (!key || n.inFront(au, params)) {
		return au, false, nil
	}
	count, size := len(n.nalus), 0
	for _, at := range n.nalus {
		if !key || !isParamSet(au[at.start:at.end]) {
			size += 4 + at.end - at.start
		}
	}
	if key {
		sets := len(params.SPS) + len(params.PPS)
		count += sets
		size += n.store.size + 4*sets
	}
	// What leaves here must not be too large for the next Normalizer.
	switch {
	case size > MaxAccessUnitSize:
		return nil, false, tooLarge(size, MaxAccessUnitSize, "bytes with its parameter sets")
	case count > MaxNALUs:
		return nil, false, tooLarge(count, MaxNALUs, "NALUs with its parameter sets")
	}
	out = slices.Grow(dst[:0], size)
	if key {
		for _, set := range params.SPS {
			out = appendNALU(out, set)
		}
		for _, set := range params.PPS {
			out = appendNALU(out, set)
		}
	}
	for _, at := range n.nalus {
		nalu := au[at.start:at.end]
		if !key || !isParamSet(nalu) {
			out = appendNALU(out, nalu)
		}
	}
	return out, true, nil
}

// inFront reports whether the access unit begins with exactly these parameter sets and has no others.
func (n *Normalizer) inFront(au []byte, params *ParamSets) bool {
	want := len(params.SPS) + len(params.PPS)
	for i, at := range n.nalus {
		nalu := au[at.start:at.end]
		switch {
		case i < len(params.SPS):
			if !bytes.Equal(nalu, params.SPS[i]) {
				return false
			}
		case i < want:
			if !bytes.Equal(nalu, params.PPS[i-len(params.SPS)]) {
				return false
			}
		case isParamSet(nalu):
			return false
		}
	}
	return len(n.nalus) > want
}

func isParamSet(nalu []byte) bool {
	t := naluType(nalu)
	return t == h264.NALUTypeSPS || t == h264.NALUTypePPS
}

func appendNALU(dst, nalu []byte) []byte {
	return append(append(dst, 0, 0, 0, 1), nalu...)
}
