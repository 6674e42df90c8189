package h264

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"github.com/bramble-cam/bramble/shared/frame"
)

// Highest ids (ITU-T Rec. H.264, 7.4.2.1.1 and 7.4.2.2).
const (
	maxSPSID = 31
	maxPPSID = 255
)

// paramSet is one SPS or PPS and what is known of it.
type paramSet struct {
	id            uint32
	nalu          []byte // a copy of our own
	spsID         uint32 // of a PPS: the SPS it refers to
	width, height int    // of an SPS: the size of the pictures
	pixels        int    // of an SPS: how many a decoder has to keep, before cropping
	reorders      bool   // of an SPS
}

// paramStore remembers the newest parameter sets of a stream by id.
type paramStore struct {
	sps, pps []paramSet // sorted by id
	size     int        // bytes of all of them
	sets     *ParamSets // nil after a change
}

// remember takes note of a NALU if it is a parameter set.
func (s *paramStore) remember(nalu []byte) error {
	switch naluType(nalu) {
	case h264.NALUTypeSPS:
		return s.put(&s.sps, nalu, parseSPS)
	case h264.NALUTypePPS:
		return s.put(&s.pps, nalu, parsePPS)
	}
	return nil
}

// put stores a set in place of the one with the same id. Most encoders send the same sets over and over: that costs a
// comparison only.
func (s *paramStore) put(list *[]paramSet, nalu []byte, parse func([]byte) (paramSet, error)) error {
	for i := range *list {
		if bytes.Equal((*list)[i].nalu, nalu) {
			return nil
		}
	}
	if len(nalu) > MaxParamSetSize {
		return fmt.Errorf("%w: %d bytes, the limit is %d", ErrBadParams, len(nalu), MaxParamSetSize)
	}
	set, err := parse(nalu)
	if err != nil {
		return fmt.Errorf("%w: NALU type %d: %w", ErrBadParams, naluType(nalu), err)
	}
	i, found := find(*list, set.id)
	size := s.size + len(nalu)
	if found {
		size -= len((*list)[i].nalu)
	}
	if size > maxParamSetsSize {
		return fmt.Errorf("%w: the stream's sets have %d bytes together, the limit is %d", ErrBadParams, size,
			maxParamSetsSize)
	}
	set.nalu = bytes.Clone(nalu)
	if found {
		(*list)[i] = set
	} else {
		*list = slices.Insert(*list, i, set)
	}
	s.size, s.sets = size, nil
	return nil
}

// paramSets returns all sets, or nil if there are none. The result is the same pointer as before, and the same as
// last if that has the same content, until a set changes.
func (s *paramStore) paramSets(last *ParamSets) *ParamSets {
	if s.sets != nil || s.size == 0 {
		return s.sets
	}
	made := &ParamSets{SPS: make([][]byte, len(s.sps)), PPS: make([][]byte, len(s.pps))}
	for i, set := range s.sps {
		made.SPS[i] = set.nalu
		made.reorders = made.reorders || set.reorders
	}
	for i, set := range s.pps {
		made.PPS[i] = set.nalu
	}
	s.sets = made
	if made.Equal(last) {
		s.sets = last
	}
	return s.sets
}

// activate returns the SPS that a slice refers to by way of its PPS (ITU-T Rec. H.264, 7.4.1.2.1).
func (s *paramStore) activate(slice []byte) (paramSet, error) {
	id, err := ppsIDOf(slice)
	if err != nil {
		return paramSet{}, fmt.Errorf("%w: slice header: %w", ErrNotAnnexB, err)
	}
	i, found := find(s.pps, id)
	if !found {
		return paramSet{}, fmt.Errorf("%w (PPS %d is not known)", ErrNoParams, id)
	}
	spsID := s.pps[i].spsID
	if i, found = find(s.sps, spsID); !found {
		return paramSet{}, fmt.Errorf("%w (SPS %d is not known)", ErrNoParams, spsID)
	}
	return s.sps[i], nil
}

func find(list []paramSet, id uint32) (int, bool) {
	return slices.BinarySearchFunc(list, id, func(set paramSet, id uint32) int { return cmp.Compare(set.id, id) })
}

// parseSPS lets mediacommon read an SPS, and refuses sizes that cannot be: it computes them without a check for
// overflow.
func parseSPS(nalu []byte) (paramSet, error) {
	var sps h264.SPS
	if err := sps.Unmarshal(nalu); err != nil {
		return paramSet{}, err
	}
	if sps.ID > maxSPSID {
		return paramSet{}, fmt.Errorf("id %d, the highest is %d", sps.ID, maxSPSID)
	}
	const maxMbs = maxSide / 16
	if sps.ChromaFormatIdc > 3 {
		return paramSet{}, errors.New("chroma format out of range")
	}
	if sps.PicWidthInMbsMinus1 >= maxMbs || sps.PicHeightInMapUnitsMinus1 >= maxMbs {
		// the product below must not overflow
		return paramSet{}, fmt.Errorf("%w: it says more than %d", frame.ErrDimensions, maxSide)
	}
	// What a decoder takes memory for is the size before cropping (7.4.2.1.1).
	codedWidth, codedHeight := 16*int(sps.PicWidthInMbsMinus1+1), 16*int(sps.PicHeightInMapUnitsMinus1+1)
	if !sps.FrameMbsOnlyFlag {
		codedHeight *= 2
	}
	if err := frame.CheckSize(codedWidth, codedHeight); err != nil {
		return paramSet{}, err
	}
	if c := sps.FrameCropping; c != nil && max(c.LeftOffset, c.RightOffset, c.TopOffset, c.BottomOffset) > maxSide {
		return paramSet{}, errors.New("cropping is larger than the picture")
	}
	set := paramSet{id: sps.ID, width: sps.Width(), height: sps.Height(), pixels: codedWidth * codedHeight}
	if set.width <= 0 || set.width > maxSide || set.height <= 0 || set.height > maxSide {
		return paramSet{}, fmt.Errorf("picture size %dx%d", set.width, set.height)
	}
	set.reorders = sps.VUI != nil && sps.VUI.BitstreamRestriction != nil &&
		sps.VUI.BitstreamRestriction.MaxNumReorderFrames > 0
	return set, nil
}

// parsePPS reads the two ids with which a PPS begins (ITU-T Rec. H.264, 7.3.2.2). mediacommon has no type for it.
func parsePPS(nalu []byte) (paramSet, error) {
	ids, err := golombs(nalu, 2)
	if err != nil {
		return paramSet{}, err
	}
	if ids[0] > maxPPSID || ids[1] > maxSPSID {
		return paramSet{}, fmt.Errorf("id %d refers to SPS %d: out of range", ids[0], ids[1])
	}
	return paramSet{id: ids[0], spsID: ids[1]}, nil
}

// ppsIDOf returns the PPS that a slice refers to: the third number of its header (ITU-T Rec. H.264, 7.3.3).
func ppsIDOf(slice []byte) (uint32, error) {
	head, err := golombs(slice, 3)
	return head[2], err
}

// golombs reads the first n Exp-Golomb numbers behind the NALU header.
func golombs(nalu []byte, n int) (numbers [3]uint32, err error) {
	payload := nalu[1:min(len(nalu), 32)] // three numbers of at most 63 bits each, and room for emulation prevention
	if bytes.Contains(payload, []byte{0, 0, 3}) {
		payload = h264.EmulationPreventionRemove(payload)
	}
	pos := 0
	for i := range n {
		if numbers[i], err = bits.ReadGolombUnsigned(payload, &pos); err != nil {
			return numbers, err
		}
	}
	return numbers, nil
}
