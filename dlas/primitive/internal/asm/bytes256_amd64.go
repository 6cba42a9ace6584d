//go:build !noasm

package asm

import (
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

// HasByteVNNI tells whether this build has ByteVNNI and this processor can run it.
func HasByteVNNI() bool { return HasAVX2() && cpuid.CPU.Supports(cpuid.AVXVNNI) }

// ByteVNNI is ByteTileGo for 1 to 6 pixels and one vector (AVX-VNNI).
//
//go:noinline
func ByteVNNI(t *ByteTile, pixels, groups int) {
	switch pixels + groups&1*8 {
	case 1:
		byteVNNI1x4(t)
	case 2:
		byteVNNI2x4(t)
	case 3:
		byteVNNI3x4(t)
	case 4:
		byteVNNI4x4(t)
	case 5:
		byteVNNI5x4(t)
	case 6:
		byteVNNI6x4(t)
	case 9:
		byteVNNI1x1(t)
	case 10:
		byteVNNI2x1(t)
	case 11:
		byteVNNI3x1(t)
	case 12:
		byteVNNI4x1(t)
	case 13:
		byteVNNI5x1(t)
	case 14:
		byteVNNI6x1(t)
	}
	lookUpAll(t, pixels)
}

// BytePair is ByteTileGo for 1 to 4 pixels and one vector (AVX2), with weights of 16 bits: see BytePairs.
//
//go:noinline
func BytePair(t *ByteTile, pixels, groups int) {
	switch pixels + groups&1*8 {
	case 1:
		bytePair1x4(t)
	case 2:
		bytePair2x4(t)
	case 3:
		bytePair3x4(t)
	case 4:
		bytePair4x4(t)
	case 9:
		bytePair1x1(t)
	case 10:
		bytePair2x1(t)
	case 11:
		bytePair3x1(t)
	case 12:
		bytePair4x1(t)
	}
	lookUpAll(t, pixels)
}

// ByteFixed2 is ByteFixedGo (AVX2).
//
//go:noinline
func ByteFixed2(f *ByteFixed) { byteFixed2(f) }

// ByteFixedSum2 is ByteFixedSumGo (AVX2).
//
//go:noinline
func ByteFixedSum2(f *ByteFixed) { byteFixedSum2(f) }

// ByteWindow2 is ByteWindowPairsGo (AVX2).
//
//go:noinline
func ByteWindow2(w *ByteWindow) {
	v := *w
	v.Quads = w.pixels()
	byteWindow2(&v)
	w.lookUp()
}

// ByteMax2 is ByteMaxGo (AVX2).
//
//go:noinline
func ByteMax2(w *ByteWindow) {
	v := *w
	v.Quads = w.pixels()
	byteMax2(&v)
}

// BytePlanes2 is BytePlanesGo (AVX2).
//
//go:noinline
func BytePlanes2(r *ByteRun) {
	q := *r
	if q.Quads = r.Tail / 8; q.Quads > 0 {
		bytePlanes2(&q)
	}
	if done := 8 * q.Quads; done < r.Tail {
		q.A, q.Out, q.Tail = Plus(r.A, 4*done), Plus(r.Out, 4*done), r.Tail-done
		BytePlanesGo(&q)
	}
}

// lookUpAll looks up what a tile has written.
func lookUpAll(t *ByteTile, pixels int) {
	if t.Table == nil || t.Sums != nil {
		return
	}
	for i, v := range unsafe.Slice(t.Out, 16*pixels) {
		*Plus(t.Out, i) = t.Table[v]
	}
}
