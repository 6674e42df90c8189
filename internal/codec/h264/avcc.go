package h264

import "encoding/binary"

// AppendAVCC appends an access unit in Annex B form to dst as an MP4 sample: each NALU behind its length in 4 bytes,
// big endian (ISO/IEC 14496-15, 5.3.4.2). It leaves out the parameter sets that are in initSets, those of the init
// segment, which may be nil; others stay in the sample.
func AppendAVCC(dst, au []byte, initSets *ParamSets) []byte {
	for nalu := range NALUs(au) {
		if isParamSet(nalu) && initSets.has(nalu) {
			continue
		}
		size := uint32(len(nalu)) //nolint:gosec // at most frame.MaxPayload
		dst = append(binary.BigEndian.AppendUint32(dst, size), nalu...)
	}
	return dst
}
