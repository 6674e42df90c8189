package h264_test

import (
	"bytes"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/h264"
)

// accessUnit is as large as one of a 720p camera at 2 Mbit/s and 25 fps, its content as dense in zero bytes as coded
// video.
func accessUnit(code string) []byte {
	slice := idr(0, 0)
	seed := uint32(1)
	for len(slice) < 10_000 {
		seed = seed*1664525 + 1013904223
		if bytes.HasSuffix(slice, []byte{0, 0}) {
			slice = append(slice, 3) // emulation prevention
		}
		slice = append(slice, byte(seed>>24))
	}
	return unit(code, sps(0, 10, 6), pps(0, 0), append(slice, 0x80))
}

func BenchmarkNormalize(b *testing.B) {
	for name, au := range map[string][]byte{"as it is": accessUnit(long), "copied": accessUnit(short)} {
		b.Run(name, func(b *testing.B) {
			var n h264.Normalizer
			buf := make([]byte, 0, 2*len(au))
			b.SetBytes(int64(len(au)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := n.Normalize(buf, au); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppendAVCC(b *testing.B) {
	au := accessUnit(long)
	buf := make([]byte, 0, 2*len(au))
	b.SetBytes(int64(len(au)))
	b.ReportAllocs()
	for b.Loop() {
		buf = h264.AppendAVCC(buf[:0], au, nil)
	}
}
