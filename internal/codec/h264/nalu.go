package h264

import (
	"bytes"
	"iter"
)

// NALUs returns the NALUs of an access unit in Annex B form, without start codes and without the zero bytes that may
// surround them. They are slices of au, never empty. It allocates nothing. Bytes in front of the first start code are
// left out.
//
// mediacommon's AnnexB.Unmarshal is not used for this: it allocates, refuses more than 50 NALUs (see MaxNALUs), and
// leaves trailing_zero_8bits at the end of a NALU, which in an MP4 sample would become part of it.
func NALUs(au []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for pos := firstNALU(au); pos >= 0; {
			end, next := endOfNALU(au, pos)
			if end > pos && !yield(au[pos:end:end]) {
				return
			}
			pos = next
		}
	}
}

// firstNALU returns where the first NALU begins, right behind its start code, or -1.
func firstNALU(b []byte) int {
	i := bytes.Index(b, []byte{0, 0, 1})
	if i < 0 {
		return -1
	}
	return i + 3
}

// endOfNALU returns the end of the NALU that begins at pos, and where the next one begins, or -1 if there is none.
// The end comes before any zero bytes: a NALU never ends with one (ITU-T Rec. H.264, 7.4.1), so they belong to the
// framing (B.1).
func endOfNALU(b []byte, pos int) (end, next int) {
	end, next = len(b), -1
	if i := bytes.Index(b[pos:], []byte{0, 0, 1}); i >= 0 {
		end, next = pos+i, pos+i+3
	}
	for end > pos && b[end-1] == 0 {
		end--
	}
	return end, next
}
