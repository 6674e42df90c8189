package fmp4

import "encoding/binary"

const (
	// decodeOffset is where in a moof the decode time lies: 8 bytes.
	decodeOffset = 8 + 16 + 8 + 16 + 12

	maxMoof = 100

	// Flags of ISO/IEC 14496-12, sections 8.8.7.1 and 8.8.8.1.
	defaultBaseIsMoof = 0x020000
	trunFields        = 0x000001 | 0x000100 | 0x000200 // data offset, sample duration, sample size
	trunSampleFlags   = 0x000400
	sampleIsNonSync   = 0x00010000
)

// newMoof returns the moof box (ISO/IEC 14496-12, section 8.8.4) of a fragment with one sample, with decode time 0: byte for byte what mediacommon makes, which takes 250
// allocations for it, and one camera has some thirty a second.
func newMoof(number uint32, key bool, duration uint32, size int) []byte {
	be := binary.BigEndian
	entry, fields := 8, uint32(trunFields)
	if !key {
		entry, fields = 12, fields|trunSampleFlags
	}
	trun := 20 + entry
	traf := 8 + 16 + 20 + trun
	moof := 8 + 16 + traf
	b := make([]byte, 0, maxMoof)
	box := func(size int, kind string) { b = append(be.AppendUint32(b, uint32(size)), kind...) }

	box(moof, "moof")
	box(16, "mfhd")
	b = be.AppendUint32(b, 0)
	b = be.AppendUint32(b, number)
	box(traf, "traf")
	box(16, "tfhd")
	b = be.AppendUint32(b, defaultBaseIsMoof)
	b = be.AppendUint32(b, trackID)
	box(20, "tfdt")
	b = be.AppendUint32(b, 1<<24) // version 1
	b = be.AppendUint64(b, 0)
	box(trun, "trun")
	b = be.AppendUint32(b, 1<<24|fields)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, uint32(moof+8)) // the sample is behind the head of the mdat box
	b = be.AppendUint32(b, duration)
	b = be.AppendUint32(b, uint32(size))
	if !key {
		b = be.AppendUint32(b, sampleIsNonSync)
	}
	return b
}
