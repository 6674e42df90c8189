package fmp4

import "encoding/binary"

// WithEditList returns an init segment of Init for a viewer whose presentation begins at start, in ticks: samples
// before that are decoded but not shown. Each track gets an edit list (section 8.6.6), which mediacommon does not
// write: one edit without an end, because a segment_duration of 0 reaches over all fragments.
func WithEditList(init []byte, start uint64) ([]byte, error) {
	if start == 0 {
		return init, nil
	}
	const elstSize = 36
	edit := binary.BigEndian.AppendUint32(nil, 8+elstSize)
	edit = append(edit, "edts"...)
	edit = binary.BigEndian.AppendUint32(edit, elstSize)
	edit = append(edit, "elst"...)
	edit = append(edit, 1, 0, 0, 0, 0, 0, 0, 1)       // version 1, one entry
	edit = binary.BigEndian.AppendUint64(edit, 0)     // segment_duration
	edit = binary.BigEndian.AppendUint64(edit, start) // media_time
	edit = append(edit, 0, 1, 0, 0)                   // media_rate 1.0

	moov, end, err := child(init, 0, len(init), "moov")
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(init)+2*len(edit)), init[:moov+8]...)
	for from := moov + 8; from < end; {
		trak, next, err := child(init, from, end, "trak")
		if err != nil && from > moov+8 { // there are no more tracks
			out = append(out, init[from:end]...)
			break
		}
		if err != nil {
			return nil, err
		}
		_, at, err := child(init, trak+8, next, "tkhd")
		if err != nil {
			return nil, err
		}
		head := len(out) + trak - from
		out = append(append(append(out, init[from:at]...), edit...), init[at:next]...)
		binary.BigEndian.PutUint32(out[head:], u32(next-trak+len(edit)))
		from = next
	}
	binary.BigEndian.PutUint32(out[moov:], u32(len(out)-moov))
	return append(out, init[end:]...), nil
}

// child returns where the first box of this type begins and ends among the boxes in b[from:to].
func child(b []byte, from, to int, boxType string) (begin, end int, err error) {
	for begin = from; begin+8 <= to; begin = end {
		end = begin + int(binary.BigEndian.Uint32(b[begin:]))
		if end < begin+8 || end > to {
			break
		}
		if string(b[begin+4:begin+8]) == boxType {
			return begin, end, nil
		}
	}
	return 0, 0, errLayout
}
