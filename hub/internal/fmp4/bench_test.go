package fmp4_test

import (
	"bytes"
	"testing"

	"github.com/bramble-cam/bramble/hub/internal/fmp4"
)

func typicalFragment(b *testing.B, number uint32) *fmp4.Fragment {
	b.Helper()
	f, err := fmp4.NewFragment(number, sample(accessUnit(append([]byte{0x41}, bytes.Repeat([]byte{0xaa}, 10_000)...)),
		paramSets(), false))
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// BenchmarkNewFragment is the cost once per frame of a camera.
func BenchmarkNewFragment(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		typicalFragment(b, 1)
	}
}

// BenchmarkViewer is the cost per viewer and frame, without the write.
func BenchmarkViewer(b *testing.B) {
	f, i := typicalFragment(b, 1), 0
	var times fmp4.Timeline
	var moof []byte
	b.ReportAllocs()
	for b.Loop() {
		moof = f.AppendMoof(moof[:0], times.Next(at(i)))
		i++
	}
}

// BenchmarkWithEditList is the cost once per viewer.
func BenchmarkWithEditList(b *testing.B) {
	init, err := fmp4.Init(video(paramSets()))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fmp4.WithEditList(init, 1000); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInit is the cost once per key frame with new viewers.
func BenchmarkInit(b *testing.B) {
	params := paramSets()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fmp4.Init(video(params)); err != nil {
			b.Fatal(err)
		}
	}
}
