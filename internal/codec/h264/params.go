package h264

import (
	"bytes"
	"slices"
)

// ParamSets are the parameter sets of a stream, each list in the order of their ids. They are shared by many
// goroutines and never change once made: do not write to them.
type ParamSets struct {
	SPS, PPS [][]byte

	reorders bool
}

// Equal reports whether both have the same sets. Either may be nil; nil is not equal to any other.
func (p *ParamSets) Equal(other *ParamSets) bool {
	if p == other {
		return true
	}
	return p != nil && other != nil && slices.EqualFunc(p.SPS, other.SPS, bytes.Equal) &&
		slices.EqualFunc(p.PPS, other.PPS, bytes.Equal)
}

// Reorders reports whether an SPS says that pictures are not sent in the order in which they are shown (B-frames:
// max_num_reorder_frames is above 0, ITU-T Rec. H.264, E.2.1). Bramble has one time stamp per access unit and shows
// them as they come, so such a stream stutters: the remedy is an encoder without B-frames. False may also mean that
// the SPS does not tell.
func (p *ParamSets) Reorders() bool { return p != nil && p.reorders }

// has reports whether nalu is one of the sets.
func (p *ParamSets) has(nalu []byte) bool {
	return p != nil && (containsNALU(p.SPS, nalu) || containsNALU(p.PPS, nalu))
}

func containsNALU(list [][]byte, nalu []byte) bool {
	return slices.ContainsFunc(list, func(known []byte) bool { return bytes.Equal(known, nalu) })
}
