package fmp4

import (
	"encoding/binary"
	"time"

	"github.com/bramble-cam/bramble/internal/codec/h264"
	"github.com/bramble-cam/bramble/internal/media"
)

// Flags of ISO/IEC 14496-12, sections 8.8.7.1 and 8.8.8.1.
const (
	defaultBaseIsMoof = 0x020000
	trunFields        = 0x000001 | 0x000100 | 0x000200 // data offset, sample duration, sample size
	trunSampleFlags   = 0x000400
	sampleIsNonSync   = 0x00010000
)

// Sample is a packet in a fragment.
type Sample struct {
	Track   int          // media.Track.ID
	Payload []byte       // an access unit in wire form
	Params  media.Params // in force
	Key     bool

	// Duration is how long the sample will most likely be shown. Its successor, which is not waited for, has a decode time
	// of its own.
	Duration time.Duration
}

// Fragment is a moof and an mdat box. All viewers share it. The decode times in the moof differ between them, and are
// filled in by AppendMoof.
type Fragment struct {
	Mdat []byte // the mdat box with the samples

	moof    []byte
	decodes []int // where in moof the decode times lie, one for each track
}

// NewFragment returns the fragment of some samples. Those of a track must follow each other. number is the fragment's
// sequence number.
func NewFragment(number uint32, samples ...Sample) (*Fragment, error) {
	size := 8
	for _, s := range samples {
		size += len(s.Payload)
	}
	mdat := append(make([]byte, 0, size), "\x00\x00\x00\x00mdat"...)
	entries := make([]entry, 0, 4) // on the stack
	for _, s := range samples {
		in, err := initParams(s.Params)
		if err != nil {
			return nil, err
		}
		begin := len(mdat)
		mdat = h264.AppendAVCC(mdat, s.Payload, in)
		if len(mdat) == begin {
			return nil, h264.ErrEmpty
		}
		entries = append(entries, entry{trackID(s.Track), s.Key, u32(int(sampleDuration(s.Duration))), len(mdat) - begin})
	}
	binary.BigEndian.PutUint32(mdat, u32(len(mdat)))
	f := &Fragment{Mdat: mdat}
	f.makeMoof(number, entries)
	return f, nil
}

// AppendMoof appends the moof box with a viewer's decode times in ticks: one for each track, in the order of the
// samples.
func (f *Fragment) AppendMoof(dst []byte, decode ...uint64) []byte {
	at := len(dst)
	dst = append(dst, f.moof...)
	for i, offset := range f.decodes {
		binary.BigEndian.PutUint64(dst[at+offset:], decode[i]) //nolint:gosec // one for each track
	}
	return dst
}

// entry is what the moof says of a sample.
type entry struct {
	track    uint32
	key      bool
	duration uint32
	size     int
}

// run is the samples of one track.
func run(entries []entry) (samples, rest []entry, flags uint32) {
	n := 0
	for flags = trunFields; n < len(entries) && entries[n].track == entries[0].track; n++ {
		if !entries[n].key {
			flags |= trunSampleFlags
		}
	}
	return entries[:n], entries[n:], flags
}

// trafSize returns the size of a traf box.
func trafSize(samples int, flags uint32) int {
	entry := 8
	if flags&trunSampleFlags != 0 {
		entry = 12
	}
	return 8 + 16 + 20 + 20 + samples*entry
}

// makeMoof makes the moof box (ISO/IEC 14496-12, section 8.8.4) with decode times 0: byte for byte what mediacommon
// makes, which takes 250 allocations for it, and one camera has some thirty a second.
func (f *Fragment) makeMoof(number uint32, entries []entry) {
	be := binary.BigEndian
	size := 8 + 16
	for rest := entries; len(rest) > 0; {
		samples, next, flags := run(rest)
		size += trafSize(len(samples), flags)
		rest = next
	}
	b := make([]byte, 0, size)
	box := func(size int, kind string) { b = append(be.AppendUint32(b, u32(size)), kind...) }
	box(size, "moof")
	box(16, "mfhd")
	b = be.AppendUint32(b, 0)
	b = be.AppendUint32(b, number)
	data := size + 8 // the samples are behind the head of the mdat box
	for rest := entries; len(rest) > 0; {
		samples, next, flags := run(rest)
		rest = next
		traf := trafSize(len(samples), flags)
		box(traf, "traf")
		box(16, "tfhd")
		b = be.AppendUint32(b, defaultBaseIsMoof)
		b = be.AppendUint32(b, samples[0].track)
		box(20, "tfdt")
		b = be.AppendUint32(b, 1<<24) // version 1
		f.decodes = append(f.decodes, len(b))
		b = be.AppendUint64(b, 0)
		box(traf-8-16-20, "trun")
		b = be.AppendUint32(b, 1<<24|flags)
		b = be.AppendUint32(b, u32(len(samples)))
		b = be.AppendUint32(b, u32(data))
		for _, s := range samples {
			b = be.AppendUint32(b, s.duration)
			b = be.AppendUint32(b, u32(s.size))
			if flags&trunSampleFlags != 0 {
				b = be.AppendUint32(b, sampleFlags(s.key))
			}
			data += s.size
		}
	}
	f.moof = b
}

// u32 converts a size or a count. Boxes stay far below 4 GiB: see frame.MaxPayload.
func u32(n int) uint32 { return uint32(n) } //nolint:gosec // see above

func sampleFlags(key bool) uint32 {
	if key {
		return 0
	}
	return sampleIsNonSync
}
