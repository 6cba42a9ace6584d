//go:build !noasm

package asm

import "github.com/klauspost/cpuid/v2"

// HasByteTile512 tells whether this build has the AVX-512 loops on bytes and this processor can run them.
func HasByteTile512() bool {
	return cpuid.CPU.Supports(cpuid.AVX512F, cpuid.AVX512BW, cpuid.AVX512DQ, cpuid.AVX512VL, cpuid.AVX512VNNI, cpuid.AVX512VBMI)
}

// ByteFixed512 is ByteFixedGo (AVX-512).
//
//go:noinline
func ByteFixed512(f *ByteFixed) { byteFixed512(f) }

// ByteFixedSum512 is ByteFixedSumGo (AVX-512).
//
//go:noinline
func ByteFixedSum512(f *ByteFixed) { byteFixedSum512(f) }

// ByteTile512 is ByteTileGo for 1 to 14 pixels of which half is HalfTile, or for twice 1 to 6 pixels; for 1 or 2 vectors and
// 1 or 4 groups.
//
//go:noinline
func ByteTile512(t *ByteTile, pixels, half, vectors, groups int) {
	kind := 2*(2-vectors) + groups&1
	if half < HalfTile {
		kind += 4
		pixels = half
	}
	switch kind {
	case 0:
		byteTiles2x4(t, pixels)
	case 1:
		byteTiles2x1(t, pixels)
	case 2:
		byteTiles1x4(t, pixels)
	case 3:
		byteTiles1x1(t, pixels)
	case 4:
		byteHalves2x4(t, pixels)
	case 5:
		byteHalves2x1(t, pixels)
	case 6:
		byteHalves1x4(t, pixels)
	case 7:
		byteHalves1x1(t, pixels)
	}
}

func byteTiles2x4(t *ByteTile, pixels int) {
	switch pixels {
	case 1:
		byteTile1x2x4(t)
	case 2:
		byteTile2x2x4(t)
	case 3:
		byteTile3x2x4(t)
	case 4:
		byteTile4x2x4(t)
	case 5:
		byteTile5x2x4(t)
	case 6:
		byteTile6x2x4(t)
	case 7:
		byteTile7x2x4(t)
	case 8:
		byteTile8x2x4(t)
	case 9:
		byteTile9x2x4(t)
	case 10:
		byteTile10x2x4(t)
	case 11:
		byteTile11x2x4(t)
	case 12:
		byteTile12x2x4(t)
	case 13:
		byteTile13x2x4(t)
	case 14:
		byteTile14x2x4(t)
	}
}

func byteTiles2x1(t *ByteTile, pixels int) {
	switch pixels {
	case 1:
		byteTile1x2x1(t)
	case 2:
		byteTile2x2x1(t)
	case 3:
		byteTile3x2x1(t)
	case 4:
		byteTile4x2x1(t)
	case 5:
		byteTile5x2x1(t)
	case 6:
		byteTile6x2x1(t)
	case 7:
		byteTile7x2x1(t)
	case 8:
		byteTile8x2x1(t)
	case 9:
		byteTile9x2x1(t)
	case 10:
		byteTile10x2x1(t)
	case 11:
		byteTile11x2x1(t)
	case 12:
		byteTile12x2x1(t)
	case 13:
		byteTile13x2x1(t)
	case 14:
		byteTile14x2x1(t)
	}
}

func byteTiles1x4(t *ByteTile, pixels int) {
	switch pixels {
	case 1:
		byteTile1x1x4(t)
	case 2:
		byteTile2x1x4(t)
	case 3:
		byteTile3x1x4(t)
	case 4:
		byteTile4x1x4(t)
	case 5:
		byteTile5x1x4(t)
	case 6:
		byteTile6x1x4(t)
	case 7:
		byteTile7x1x4(t)
	case 8:
		byteTile8x1x4(t)
	case 9:
		byteTile9x1x4(t)
	case 10:
		byteTile10x1x4(t)
	case 11:
		byteTile11x1x4(t)
	case 12:
		byteTile12x1x4(t)
	case 13:
		byteTile13x1x4(t)
	case 14:
		byteTile14x1x4(t)
	}
}

func byteTiles1x1(t *ByteTile, pixels int) {
	switch pixels {
	case 1:
		byteTile1x1x1(t)
	case 2:
		byteTile2x1x1(t)
	case 3:
		byteTile3x1x1(t)
	case 4:
		byteTile4x1x1(t)
	case 5:
		byteTile5x1x1(t)
	case 6:
		byteTile6x1x1(t)
	case 7:
		byteTile7x1x1(t)
	case 8:
		byteTile8x1x1(t)
	case 9:
		byteTile9x1x1(t)
	case 10:
		byteTile10x1x1(t)
	case 11:
		byteTile11x1x1(t)
	case 12:
		byteTile12x1x1(t)
	case 13:
		byteTile13x1x1(t)
	case 14:
		byteTile14x1x1(t)
	}
}

func byteHalves2x4(t *ByteTile, half int) {
	switch half {
	case 1:
		byteTile1and1x2x4(t)
	case 2:
		byteTile2and2x2x4(t)
	case 3:
		byteTile3and3x2x4(t)
	case 4:
		byteTile4and4x2x4(t)
	case 5:
		byteTile5and5x2x4(t)
	case 6:
		byteTile6and6x2x4(t)
	}
}

func byteHalves2x1(t *ByteTile, half int) {
	switch half {
	case 1:
		byteTile1and1x2x1(t)
	case 2:
		byteTile2and2x2x1(t)
	case 3:
		byteTile3and3x2x1(t)
	case 4:
		byteTile4and4x2x1(t)
	case 5:
		byteTile5and5x2x1(t)
	case 6:
		byteTile6and6x2x1(t)
	}
}

func byteHalves1x4(t *ByteTile, half int) {
	switch half {
	case 1:
		byteTile1and1x1x4(t)
	case 2:
		byteTile2and2x1x4(t)
	case 3:
		byteTile3and3x1x4(t)
	case 4:
		byteTile4and4x1x4(t)
	case 5:
		byteTile5and5x1x4(t)
	case 6:
		byteTile6and6x1x4(t)
	}
}

func byteHalves1x1(t *ByteTile, half int) {
	switch half {
	case 1:
		byteTile1and1x1x1(t)
	case 2:
		byteTile2and2x1x1(t)
	case 3:
		byteTile3and3x1x1(t)
	case 4:
		byteTile4and4x1x1(t)
	case 5:
		byteTile5and5x1x1(t)
	case 6:
		byteTile6and6x1x1(t)
	}
}

// ByteWindow4 is ByteWindowGo for up to 4 taps a row.
//
//go:noinline
func ByteWindow4(w *ByteWindow) { byteWindow4(w) }

// ByteWindow8 is ByteWindowGo for up to 8 taps a row.
//
//go:noinline
func ByteWindow8(w *ByteWindow) { byteWindow8(w) }

// ByteWindowPair is ByteWindowGo for up to 3 taps a row at stride 1.
//
//go:noinline
func ByteWindowPair(w *ByteWindow) { byteWindowPair(w) }

// ByteMax is ByteMaxGo.
//
//go:noinline
func ByteMax(w *ByteWindow) { byteMax(w) }

// ByteAdd is ByteAddGo.
//
//go:noinline
func ByteAdd(r *ByteRun) { byteAdd(r) }

// ByteMul is ByteMulGo.
//
//go:noinline
func ByteMul(r *ByteRun) { byteMul(r) }

// ByteAffine is ByteAffineGo.
//
//go:noinline
func ByteAffine(r *ByteRun) { byteAffine(r) }

// ByteQuantize is ByteQuantizeGo.
//
//go:noinline
func ByteQuantize(r *ByteRun) { byteQuantize(r) }

// ByteLookUp is ByteLookUpGo.
//
//go:noinline
func ByteLookUp(r *ByteRun) { byteLookUp(r) }

// ByteFloat is ByteFloatGo.
//
//go:noinline
func ByteFloat(r *ByteRun) { byteFloat(r) }

// ByteSum is ByteSumGo.
//
//go:noinline
func ByteSum(r *ByteRun) { byteSum(r) }

// BytePlanes is BytePlanesGo.
//
//go:noinline
func BytePlanes(r *ByteRun) { bytePlanes(r) }

// ByteMulOne is ByteMulOneGo.
//
//go:noinline
func ByteMulOne(r *ByteRun) { byteMulOne(r) }
