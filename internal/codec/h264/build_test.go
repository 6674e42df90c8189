package h264_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bramble-cam/bramble/internal/codec/h264"
)

// Start codes, also with the zero bytes that may stand in front of or behind them.
const (
	short = "\x00\x00\x01"
	long  = "\x00\x00\x00\x01"
	wide  = "\x00\x00\x00\x00\x00\x01"
)

// unit builds an access unit with the same start code before each NALU.
func unit(code string, nalus ...[]byte) []byte {
	var out []byte
	for _, nalu := range nalus {
		out = append(append(out, code...), nalu...)
	}
	return out
}

// ue is an Exp-Golomb number as a string of bits.
func ue(n int) string {
	b := fmt.Sprintf("%b", n+1)
	return strings.Repeat("0", len(b)-1) + b
}

// nalu packs bits behind a NALU header.
func nalu(header byte, bits string) []byte {
	bits += "1" // rbsp_stop_one_bit
	out := []byte{header}
	for ; len(bits) > 0; bits = bits[min(8, len(bits)):] {
		var b byte
		for i, bit := range bits[:min(8, len(bits))] {
			b |= byte(bit-'0') << (7 - i)
		}
		out = append(out, b)
	}
	return out
}

// sps makes a baseline SPS; the size is in macroblocks.
func sps(id, width, height int) []byte {
	head := fmt.Sprintf("%08b%08b%08b", 66, 0, 30)
	return nalu(0x67, head+ue(id)+ue(0)+ue(2)+ue(1)+"0"+ue(width-1)+ue(height-1)+"1100")
}

// cropped makes an SPS of 160x96 less cropping, which is in units of two pixels.
func cropped(left, right int) []byte {
	head := fmt.Sprintf("%08b%08b%08b", 66, 0, 30)
	return nalu(0x67, head+ue(0)+ue(0)+ue(2)+ue(1)+"0"+ue(9)+ue(5)+"11"+"1"+ue(left)+ue(right)+ue(0)+ue(0)+"0")
}

func pps(id, spsID int) []byte { return nalu(0x68, ue(id)+ue(spsID)+"00101") }

func idr(first, ppsID int) []byte   { return nalu(0x65, ue(first)+ue(7)+ue(ppsID)+"1010110") }
func inter(first, ppsID int) []byte { return nalu(0x41, ue(first)+ue(5)+ue(ppsID)+"0110101") }

func sei() []byte { return []byte{0x06, 0x05, 0x01, 0xaa, 0x80} }
func aud() []byte { return []byte{0x09, 0xf0} }

func fixture(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func isSlice(nalu []byte) bool { t := nalu[0] & 0x1f; return t == 1 || t == 5 }

// pictures groups the NALUs of a stream by access unit.
func pictures(stream []byte) (aus [][][]byte) {
	inPicture := false
	for nalu := range h264.NALUs(stream) {
		begins := !isSlice(nalu) || nalu[1]&0x80 != 0
		if len(aus) == 0 || inPicture && begins {
			aus, inPicture = append(aus, nil), false
		}
		inPicture = inPicture || isSlice(nalu)
		aus[len(aus)-1] = append(aus[len(aus)-1], nalu)
	}
	return aus
}

// only returns the NALUs of an access unit for which keep is true.
func only(au []byte, keep func([]byte) bool) (kept [][]byte) {
	for nalu := range h264.NALUs(au) {
		if keep(nalu) {
			kept = append(kept, nalu)
		}
	}
	return kept
}

func equalNALUs(a, b [][]byte) bool {
	return bytes.Equal(unit(long, a...), unit(long, b...)) && len(a) == len(b)
}

// types shows the NALU types of an access unit, "7 8 5".
func types(au []byte) string {
	var out []string
	for nalu := range h264.NALUs(au) {
		out = append(out, fmt.Sprint(nalu[0]&0x1f))
	}
	return strings.Join(out, " ")
}
